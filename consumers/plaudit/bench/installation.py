"""An installation of its own for each scenario, under a fresh prefix; nothing of it is left."""

from __future__ import annotations

import base64
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Final, cast

from plaudit.dev.installation import NETWORKS, PARTITIONS
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import Private, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.examples import example
from plaudit.events.ids import new_event_id
from plaudit.events.models import TestimonialApproved
from plaudit.events.models.event import EventModel
from plaudit.kafka import schemas_topic
from plaudit.kafka.declaration import declared
from plaudit.kafka.errors import TopicProblem
from plaudit.kafka.producer import Producer
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.topics import Admin, apply
from plaudit.records.endpoint import EndpointRecord, encode_endpoint

EVENT_TYPE: Final = "testimonial.approved"
"""What is published: one of the five that are the heart of the catalogue."""
REMOVE_S: Final = 15.0
REMOVE_AGAIN_S: Final = 0.5
_WRITE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Site:
    """An endpoint, with a workspace of its own: an event goes to one endpoint and no other.

    Attributes:
        url: where it listens.
        rate_limit: requests per second.
    """

    url: str
    rate_limit: float | None = None
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
            schema = CATALOGUE[EVENT_TYPE].schema_json
            schemas_topic.register(producer, settings.names.schemas, [schema])
            write_sites(producer, settings.names.endpoints, SecretKeys([key]), sites)
        yield Installation(settings, sites, _environment(settings, key))
    finally:
        _remove(admin, [spec.name for spec in specs], settings.topic_prefix)


def _remove(admin: Admin, topics: Sequence[str], prefix: str) -> None:
    """Delete topics and groups; members that were killed are forgotten after their time-out."""
    deadline = time.monotonic() + REMOVE_S
    while left := admin.remove(topics, prefix):
        if time.monotonic() > deadline:
            raise left[0]
        time.sleep(REMOVE_AGAIN_S)


def write_sites(producer: Producer, topic: str, keys: SecretKeys, sites: Sequence[Site]) -> None:
    """Write the endpoints' records, served at once.

    Raises:
        KafkaFailure: one was not acknowledged.
    """
    secret = new_secret()  # the same for all: what signing costs does not depend on it
    writes = [
        producer.publish(
            topic, encode_endpoint(_record(keys, site, secret)), site.endpoint_id.encode()
        )
        for site in sites
    ]
    for write in writes:
        write.result(_WRITE_S)


def _record(keys: SecretKeys, site: Site, secret: str) -> EndpointRecord:
    sealed = seal(keys, site.endpoint_id, Private(site.url, {}, [Secret(secret)]))
    return {
        "endpoint_id": site.endpoint_id,
        "workspace_id": site.workspace_id,
        "version": 1,
        "key_id": sealed.key_id,
        "sealed": sealed.blob,
        "event_types": [EVENT_TYPE],
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
    """Yield events with fresh ids and keys, for one site after the other."""
    made = cast("TestimonialApproved", example(EVENT_TYPE))
    testimonial = made.testimonial
    workspaces = [uuid.UUID(site.workspace_id) for site in sites]
    for workspace in islice(cycle(workspaces), count):
        about = {"testimonial_id": uuid.uuid4()}
        meta = {"event_id": new_event_id(), "workspace_id": workspace}
        yield made.model_copy(
            update={
                "meta": made.meta.model_copy(update=meta),
                "testimonial": testimonial.model_copy(update=about),
            }
        )


def mixed(usual: Sequence[Site], odd: Site, every: int) -> list[Site]:
    """Return an order of sites in which each so-manieth event goes to the odd one."""
    turns = [usual[number % len(usual)] for number in range(every - 1)]
    return [*turns, odd]


Tell = Callable[[str], None]
"""Says what is being done, as progress."""
