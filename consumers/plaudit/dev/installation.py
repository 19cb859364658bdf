"""Set-up of a development run: topics, schemas and endpoints."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from plaudit.dev.subscribers import NAMES, Subscribers
from plaudit.endpoints.keys import SecretKeys
from plaudit.events.catalogue import CATALOGUE
from plaudit.kafka.admin.topic_specs import Section, declared
from plaudit.kafka.admin.topics import Admin, apply
from plaudit.kafka.errors import TopicProblem
from plaudit.kafka.schemas import topic as schemas_topic
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.waiting import ask_until
from plaudit.kafka.write.producer import Producer
from plaudit.store.access.api_keys import Scope
from plaudit.store.access.sessions import SessionGrant, SessionService, WebApp
from plaudit.store.db.database import open_database
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import EndpointSpec, Rules
from plaudit.transport.addresses import AddressPolicy

PREFIX: Final = "plaudit-dev."
SCHEDULE: Final = "1s,2s"
NETWORKS: Final = "127.0.0.0/8"
REMOVE_S: Final = 20.0
SIGN_IN_MS: Final = 24 * 3_600_000
REMOVE_AGAIN_S: Final = 0.5
# Enough for several workers to share, and few enough to create in a second.
PARTITIONS: Final[Mapping[Section, int]] = {
    Section.EVENTS: 4,
    Section.DELIVERIES: 4,
    Section.DEAD_LETTERS: 2,
    Section.ATTEMPTS: 2,
}


@dataclass(frozen=True, slots=True)
class Installation:
    """A development installation that is ready for events.

    Attributes:
        settings: connection to Kafka.
        workspace_id: new for each run.
        endpoints: endpoint ids by subscriber name.
        active_from_ms: time from which all endpoints are served; epoch milliseconds.
        environment: settings for the workers.
        sign_in_token: token of a link into the console.
    """

    settings: KafkaSettings
    workspace_id: str
    endpoints: Mapping[str, str]
    active_from_ms: int
    environment: Mapping[str, str]
    sign_in_token: str


def dev_settings(bootstrap: str, *, shared: bool) -> KafkaSettings:
    """Return the settings of a development installation.

    Args:
        bootstrap: value of `bootstrap.servers`.
        shared: whether others use the cluster; the prefix is then unique to this run.
    """
    prefix = f"{PREFIX.rstrip('.')}-{uuid.uuid4().hex[:8]}." if shared else PREFIX
    return KafkaSettings(
        bootstrap_servers=bootstrap, topic_prefix=prefix, retry_schedule=SCHEDULE, retry_tiers=None
    )


def remove_from(settings: KafkaSettings) -> None:
    """Delete an installation's topics and groups; wait until killed members have timed out."""
    admin = Admin(settings)
    topics = [spec.name for spec in declared(settings)]
    left = ask_until(
        lambda: admin.remove(topics, settings.topic_prefix),
        REMOVE_S,
        every_s=REMOVE_AGAIN_S,
        enough=lambda failures: not failures,
    )
    if left:
        raise left[0]


@contextmanager
def install(
    settings: KafkaSettings, subscribers: Subscribers, folder: Path
) -> Iterator[Installation]:
    """Create topics and endpoints and register schemas; remove the endpoints at the end.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    applied = apply(Admin(settings), declared(settings, single_node=True, partitions=PARTITIONS))
    if not applied.ok:
        doing = "apply the topics"
        raise TopicProblem(doing, str(applied.findings[0]))
    key = os.urandom(32)
    engine = open_database(f"sqlite:///{folder / 'plaudit.db'}")
    with Producer(settings) as producer:
        schemas = [each.schema_json for each in CATALOGUE.values()]
        schemas_topic.register(producer, settings.names.schemas, schemas)
        keys = SecretKeys([key])
        relay = Relay(engine, producer, settings.names.endpoints, keys)
        rules = Rules(AddressPolicy((ip_network(NETWORKS),)), settings.tiers)
        service = EndpointService(engine, keys, relay, rules)
        workspace = str(uuid.uuid4())
        endpoints, active_from = {}, 0
        for name in NAMES:
            written = service.add(workspace, EndpointSpec(subscribers.url(name), name=name))
            subscribers.set_secret(name, written.secret or "")
            endpoints[name] = written.endpoint.endpoint_id
            active_from = max(active_from, written.endpoint.active_from)
        try:
            admin = SessionGrant(WebApp.CONSOLE, "plaudit dev", Scope.ADMIN)
            token, _ = SessionService(engine).create_link(admin, SIGN_IN_MS, SIGN_IN_MS)
            yield Installation(
                settings, workspace, endpoints, active_from, _environment(settings, key), token
            )
        finally:
            for endpoint_id in endpoints.values():
                service.remove(endpoint_id)
            engine.dispose()


def _environment(settings: KafkaSettings, key: bytes) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
        "PLAUDIT_RETRY_SCHEDULE": SCHEDULE,
        "PLAUDIT_RETRY_TIERS": "",
        "PLAUDIT_SECRET_KEY": base64.b64encode(key).decode(),
        "PLAUDIT_ALLOW_NETWORKS": NETWORKS,
        "PLAUDIT_METRICS_PORT": "0",
        "PLAUDIT_LOG_ATTEMPTS": "none",
    }
