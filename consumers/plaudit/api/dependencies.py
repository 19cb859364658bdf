"""Services of an API process, which its requests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

from sqlalchemy.engine import Engine

from plaudit.api.event_writer import EventWriter
from plaudit.api.quotas import Quotas
from plaudit.api.rate_limits import RateLimits
from plaudit.api.settings import ApiSettings
from plaudit.api.test_sends import SharedSender
from plaudit.control.background_relay import BackgroundRelay
from plaudit.control.dead_letters import DeadLetters
from plaudit.control.event_origin import EventSource
from plaudit.control.recent_events import RecentEvents
from plaudit.control.retry import Retrier
from plaudit.control.scaling import LaneReader, ScalingView
from plaudit.deliver.settings import DeliverSettings
from plaudit.endpoints.keys import SecretKeys
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.publish.prepare import SchemaId
from plaudit.publish.schema_ids import RegistryIds
from plaudit.records.names import Names
from plaudit.store.access.api_keys import KeyService
from plaudit.store.access.idempotency_store import IdempotencyStore
from plaudit.store.endpoints.relay import ACK_TIMEOUT_S
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import Rules
from plaudit.store.endpoints.workspaces import WorkspaceService
from plaudit.store.jobs.job_service import JobService
from plaudit.store.log.payloads import PayloadStore
from plaudit.tracing.publish import event_producer
from plaudit.tracing.writer import Tracing
from plaudit.transport.addresses import AddressPolicy

READY_S = 2.0
"""Seconds for which `/readyz` waits for the brokers."""
ANNOUNCE_S = 1.0
"""Seconds for which a response waits until Kafka has a change; after that, it is a 202."""


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Services that all requests share; each is safe to use from any thread.

    Attributes:
        secrets: keys that decrypt endpoints' secrets.
        sender: HTTP client of test sends.
        answers: stored responses to idempotent requests.
        reader: reader of events at their offsets.
        brokers: client for the readiness check.
        retrier: writes manual retries.
        limits: request rate limits of the workspaces; `events_limits` are those of publishing.
        quotas: quotas of the workspaces.
        outlet: writer of events; `schema_id` returns the registry's id of a schema.
        producer: producer for all other records.
        jobs: jobs.
        letters: dead letters.
        scaling: due work of the lanes, for autoscalers.
        recent: latest events.
        decoder: decoder of events of any schema.
    """

    engine: Engine
    endpoints: EndpointService
    keys: KeyService
    workspaces: WorkspaceService
    answers: IdempotencyStore
    secrets: SecretKeys
    sender: SharedSender
    reader: RecordReader
    brokers: Admin
    retrier: Retrier
    limits: RateLimits
    events_limits: RateLimits
    quotas: Quotas
    names: Names
    producer: Producer
    outlet: EventWriter
    schema_id: SchemaId
    jobs: JobService
    letters: DeadLetters
    scaling: ScalingView
    recent: RecentEvents
    decoder: LateDecoder

    @property
    def source(self) -> EventSource:
        """Events in Kafka and in the database."""
        stored = PayloadStore(self.engine, self.secrets)
        return EventSource(self.reader, self.decoder, stored)


@contextmanager
def opened(
    engine: Engine,
    kafka: KafkaSettings,
    deliver: DeliverSettings,
    api: ApiSettings,
    tracing: Tracing | None = None,
) -> Iterator[ApiServices]:
    """Open all services and the relay; close them in an order that loses no records.

    With `tracing`, each published event has a span.
    """
    secrets = deliver.seal.keys
    with ExitStack() as stack:
        config = ProducerConfig(delivery_timeout_ms=int(ACK_TIMEOUT_S * 1_000))
        producer = Producer(kafka, config)
        stack.callback(producer.close)
        events = event_producer(kafka, replace(config, has_thread=False), tracing)
        stack.callback(events.close)
        reader = stack.enter_context(RecordReader(kafka))
        decoder = stack.enter_context(LateDecoder(kafka))
        source = EventSource(reader, decoder, PayloadStore(engine, secrets))
        letters = DeadLetters(kafka, reader)
        stack.callback(letters.close)
        schema_ids = stack.enter_context(closing(RegistryIds(kafka)))
        relay = BackgroundRelay(engine, producer, kafka.names.endpoints, secrets)
        relay.start()
        stack.callback(relay.close)
        lanes = stack.enter_context(closing(LaneReader(kafka)))
        rules = Rules(AddressPolicy(deliver.http.allow_networks), kafka.tiers)
        yield ApiServices(
            engine,
            EndpointService(engine, secrets, relay, rules, announce_s=ANNOUNCE_S),
            KeyService(engine),
            WorkspaceService(engine),
            IdempotencyStore(engine, secrets),
            secrets,
            SharedSender(deliver.http),
            reader,
            Admin(kafka, READY_S),
            Retrier(engine, kafka, source, producer),
            RateLimits(api.api_rate_limit),
            RateLimits(api.api_events_rate_limit, setting="PLAUDIT_API_EVENTS_RATE_LIMIT"),
            Quotas.of(engine, api),
            kafka.names,
            producer,
            EventWriter(events),
            schema_ids,
            JobService(engine),
            letters,
            ScalingView(lanes.read),
            RecentEvents(kafka),
            decoder,
        )
