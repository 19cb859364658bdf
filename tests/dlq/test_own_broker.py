"""On a broker of their own: jobs over a restart, and jobs without the rights that they need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from command import CommandLine
from dlq.conftest import announce, left, make_topics, seed, sent
from dlq.generate import ENDPOINTS
from dlq.rig import QUICKLY_S, SOON_S, UNBOUND, end_of, in_thread
from plaudit.bulk.control import Control
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.dev.kafka_local import LocalKafka
from plaudit.dlq.job.job import Order, redrive
from plaudit.dlq.job.throttle import JobLimits
from plaudit.kafka.settings import KafkaSettings
from waiting import until

pytestmark = pytest.mark.broker

# Everyone may do what no rule speaks of.
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalKafka]:
    """A broker that may be killed, and that obeys rules."""
    try:
        with LocalKafka(overrides=AUTHORIZER) as kafka:
            yield kafka
    except KafkaNotFound as error:
        pytest.skip(f"no local Kafka: {error}")


@pytest.fixture
def installation(broker: LocalKafka, prefix: str) -> KafkaSettings:
    """All topics and ten active endpoints on that broker."""
    settings = KafkaSettings(
        bootstrap_servers=broker.bootstrap, topic_prefix=prefix, retry_schedule="5s"
    )
    make_topics(settings)
    announce(settings, *ENDPOINTS)
    return settings


def deny(settings: KafkaSettings, kind: ResourceType, name: str, what: AclOperation) -> None:
    """Forbid one operation to everyone, and allow all others."""
    rules = [
        AclBinding(
            kind,
            settings.topic_prefix + name,
            ResourcePatternType.LITERAL,
            "User:*",
            "*",
            operation,
            permission,
        )
        for operation, permission in (
            (AclOperation.ALL, AclPermissionType.ALLOW),
            (what, AclPermissionType.DENY),
        )
    ]
    client = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    for future in client.create_acls(rules, request_timeout=20).values():
        future.result(30)


def test_a_broker_that_restarts_in_the_middle_costs_time_and_nothing_else(
    broker: LocalKafka, installation: KafkaSettings
) -> None:
    seed(installation, 2_000)
    order = Order(limits=JobLimits(rate=800, lag_cap=0))
    control, thread, reports = in_thread(installation, order)
    until(lambda: end_of(installation) > 200, every_s=QUICKLY_S)
    broker.kill()
    broker.start()
    thread.join(SOON_S)
    control.stop("the end of the test")
    if not reports or not reports[0].complete:  # it may have ended, and says so; the next goes on
        assert redrive(installation, Order(limits=UNBOUND), Control()).complete
    deliveries = sent(installation)
    assert (len(deliveries), set(deliveries.values()), left(installation)) == (2_000, {1}, 0)


@pytest.mark.parametrize(
    ("kind", "name", "what", "command"),
    [
        (ResourceType.TOPIC, "dlq.deliveries", AclOperation.READ, ["list"]),
        (ResourceType.TOPIC, "dlq.deliveries", AclOperation.READ, ["redrive", "--yes"]),
        (ResourceType.TRANSACTIONAL_ID, "dlq", AclOperation.WRITE, ["redrive", "--yes"]),
        (ResourceType.TOPIC, "deliveries.now", AclOperation.WRITE, ["redrive", "--yes"]),
        (ResourceType.TOPIC, "dlq.deliveries", AclOperation.WRITE, ["purge", "--all", "--yes"]),
        (ResourceType.TOPIC, "endpoints", AclOperation.READ, ["redrive", "--yes"]),
    ],
)
def test_a_missing_permission_is_named_in_one_line_and_every_letter_stays(
    installation: KafkaSettings,
    kind: ResourceType,
    name: str,
    what: AclOperation,
    command: list[str],
) -> None:
    seed(installation, 5)
    deny(installation, kind, name, what)
    told = CommandLine(installation)("dlq", *command)
    assert told.code == 1, told.err
    last = told.err.splitlines()[-1]
    assert "not allowed" in last
    assert installation.topic_prefix + name in last
    assert "Traceback" not in told.err
    if what is not AclOperation.READ:
        assert (left(installation), sent(installation).total()) == (5, 0)
