"""An installation of its own for each scenario, under a fresh prefix; nothing of it is left."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Final, TypeVar

from pydantic import BaseModel

from bench.random_events import variants
from plaudit.dev.installation import NETWORKS, remove_from
from plaudit.dev.installation import PARTITIONS as FEW
from plaudit.endpoints.binding import bind
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.ids import new_event_id
from plaudit.events.models.event import EventModel
from plaudit.kafka.admin.topic_specs import Section, declared
from plaudit.kafka.admin.topics import Admin, apply
from plaudit.kafka.errors import TopicProblem
from plaudit.kafka.schemas import topic as schemas_topic
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.records.endpoint import EndpointRecord

M = TypeVar("M", bound=BaseModel)
EVENT_TYPE: Final = "testimonial.approved"
"""What is published: one of the five that are the heart of the catalogue."""
EVERY_TYPE: Final = tuple(CATALOGUE)
OF_EACH_TOPIC: Final = (EVENT_TYPE, "form.completed", "consent.granted", "space.stats_changed")
"""Two workers share topics out, rather than the partitions of one (docs/faults.md)."""
PARTITIONS: Final = {**FEW, Section.EVENTS: 12}
"""As topics are declared: a window of 10,000 offsets in each is what carries a worker that makes
15,000 deliveries a second over the 5 s for which a request that hangs holds a window."""
_WRITE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Site:
    """An endpoint, with a workspace of its own: an event goes to one endpoint and no other.

    Attributes:
        url: where it listens.
        rate_limit: requests per second.
        event_types: those that it wants, and gets in turn.
    """

    url: str
    rate_limit: float | None = None
    event_types: tuple[str, ...] = (EVENT_TYPE,)
    endpoint_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    workspace_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Installation:
    """Topics, schemas and endpoints, ready for events.

    Attributes:
        settings: where Kafka is, and the prefix.
        sites: the endpoints.
        environment: settings of the workers.
    """

    settings: KafkaSettings
    sites: Sequence[Site]
    environment: dict[str, str]


@contextmanager
def install(kafka: KafkaSettings, sites: Sequence[Site]) -> Iterator[Installation]:
    """Make topics under a fresh prefix and endpoints; topics and groups are deleted in the end.

    Raises:
        KafkaFailure: the brokers refuse or are away.
    """
    settings = kafka.model_copy(update={"topic_prefix": f"plaudit-bench-{uuid.uuid4().hex[:8]}."})
    key = os.urandom(32)
    admin = Admin(settings)
    specs = declared(settings, single_node=True, partitions=PARTITIONS)
    try:
        applied = apply(admin, specs)
        if not applied.ok:
            doing = "make the topics"
            raise TopicProblem(doing, str(applied.findings[0]))
        with Producer(settings) as producer:
            names = {name for site in sites for name in site.event_types}
            schemas = [CATALOGUE[name].schema_json for name in names]
            schemas_topic.register(producer, settings.names.schemas, schemas)
            write_sites(producer, settings.names.endpoints, SecretKeys([key]), sites)
        yield Installation(settings, sites, _environment(settings, key))
    finally:
        remove_from(settings)


def write_sites(producer: Producer, topic: str, keys: SecretKeys, sites: Sequence[Site]) -> None:
    """Write the endpoints' records, served at once.

    Raises:
        KafkaFailure: one was not acknowledged.
    """
    secret = new_secret()  # the same for all: what signing costs does not depend on it
    writes = [
        producer.publish(topic, bind(_record(keys, site, secret), keys), site.endpoint_id.encode())
        for site in sites
    ]
    for write in writes:
        write.result(_WRITE_S)


def _record(keys: SecretKeys, site: Site, secret: str) -> EndpointRecord:
    sealed = seal(keys, site.endpoint_id, EncryptedFields(site.url, {}, [Secret(secret)]))
    return {
        "endpoint_id": site.endpoint_id,
        "workspace_id": site.workspace_id,
        "version": 1,
        "key_id": sealed.key_id,
        "sealed": sealed.blob,
        "event_types": list(site.event_types),
        "spaces": [],
        "content_filter": None,
        "format": "standard",
        "rate_limit": site.rate_limit,
        "schedule": None,
        "signature_kinds": ["v1"],
        "status": "ACTIVE",
        "status_reason": None,
        "status_since": None,
        "active_from": 0,
        "created_at": 0,
        "updated_at": 0,
    }


def _environment(settings: KafkaSettings, key: bytes) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
        "PLAUDIT_RETRY_SCHEDULE": settings.retry_schedule or "",
        "PLAUDIT_RETRY_TIERS": settings.retry_tiers or "",
        "PLAUDIT_SECRET_KEY": base64.b64encode(key).decode(),
        "PLAUDIT_ALLOW_NETWORKS": NETWORKS,
        "PLAUDIT_METRICS_PORT": "0",
        "PLAUDIT_LOG_ATTEMPTS": "failures",
    }


def events(sites: Sequence[Site], count: int) -> Iterator[EventModel]:
    """Yield events with fresh ids and keys, for one site after the other, of its types in turn."""
    made = {name: cycle(variants(name)) for site in sites for name in site.event_types}
    rounds = max(len(site.event_types) for site in sites)
    turns = [
        (uuid.UUID(site.workspace_id), site.event_types[number % len(site.event_types)])
        for number in range(rounds)
        for site in sites
    ]
    for workspace, name in islice(cycle(turns), count):
        meta = {"event_id": new_event_id(), "workspace_id": workspace}
        variant = next(made[name])
        event = variant.model_copy(update={"meta": variant.meta.model_copy(update=meta)})
        yield _with(event, CATALOGUE[name].key_path, uuid.uuid4())


def _with(model: M, path: Sequence[str], value: object) -> M:
    """Return a copy in which the field at the end of a path has another value."""
    name, *rest = path
    new = _with(getattr(model, name), rest, value) if rest else value
    return model.model_copy(update={name: new})


def mixed(usual: Sequence[Site], odd: Site, every: int) -> list[Site]:
    """Return an order of sites in which each so-manieth event goes to the odd one."""
    turns = [usual[number % len(usual)] for number in range(every - 1)]
    return [*turns, odd]


Tell = Callable[[str], None]
"""Says what is being done, as progress."""
