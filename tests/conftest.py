"""The fixtures of all tests: a broker, a fresh prefix for each test, and a clean environment."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from hypothesis import settings as hypothesis_settings

from lab.guarded import GuardedKafka
from plaudit.dev.kafka import FoundKafka, LocalKafka, find_kafka
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.kafka.admin.topic_specs import Section, TopicSpec, declared
from plaudit.kafka.admin.topics import Admin, apply
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.settings import KafkaSettings
from postgres import LocalPostgres, find_programs

MakeTopic = Callable[..., str]
TEST_KAFKA = "PLAUDIT_TEST_KAFKA"
TEST_POSTGRES = "PLAUDIT_TEST_POSTGRES"
OURS = ("PLAUDIT_", "KAFKA_")
FEW = {Section.EVENTS: 4, Section.DELIVERIES: 4, Section.DEAD_LETTERS: 2, Section.ATTEMPTS: 2}
"""Partitions: topics are made for each test, and a broker takes its time for every partition."""
FEW_TIERS = "5s,5m,1h"
FENCED_SOON = {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "400"}
"""A broker that was killed may come back after 2 s of silence, instead of 9."""

# No example has to be quick: that is a question for benchmarks. Fewer than usual: every run has
# others, and all tests together have eight minutes.
hypothesis_settings.register_profile("plaudit", deadline=None, max_examples=50)
hypothesis_settings.load_profile("plaudit")


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Let no developer's settings, nor a .env file, reach a test."""
    for name in list(os.environ):
        if name.startswith(OURS) and name not in {TEST_KAFKA, TEST_POSTGRES}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))


@pytest.fixture(scope="session")
def kafka() -> Iterator[FoundKafka]:
    """A broker for the whole run: the one in PLAUDIT_TEST_KAFKA, in Docker, or on this machine."""
    with find_kafka(os.environ.get(TEST_KAFKA), announce=lambda _: None) as found:
        yield found


@pytest.fixture
def prefix() -> str:
    """The prefix of this test's topics and groups."""
    return f"t{uuid.uuid4().hex[:10]}."


@pytest.fixture
def settings(kafka: FoundKafka, prefix: str) -> KafkaSettings:
    """Settings for the shared broker, under the test's prefix."""
    return KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=prefix)


@pytest.fixture
def topics(settings: KafkaSettings) -> KafkaSettings:
    """The declared topics with few tiers, applied for one broker; the settings to use them."""
    few = settings.model_copy(update={"retry_schedule": settings.retry_schedule or FEW_TIERS})
    apply_topics(few)
    return few


@pytest.fixture
def make_topic(settings: KafkaSettings) -> MakeTopic:
    """Make a topic with the configuration that is given; returns its name."""
    numbers = count()

    def make(partitions: int = 1, **config: str) -> str:
        name = f"{settings.topic_prefix}topic{next(numbers)}"
        dotted = {key.replace("_", "."): value for key, value in config.items()}
        spec = TopicSpec(name, Section.EVENTS, partitions, 1, dotted)
        assert Admin(settings).create([spec]) == {name: None}
        return name

    return make


@pytest.fixture
def own_kafka() -> Iterator[Callable[[], LocalKafka]]:
    """Make brokers that a test may kill and restart; they stop with the test."""
    with ExitStack() as stack:

        def make(nodes: int = 1) -> LocalKafka:
            try:
                return stack.enter_context(LocalKafka(nodes=nodes, overrides=FENCED_SOON))
            except KafkaNotFound as error:
                pytest.skip(f"no local Kafka: {error}")

        yield make


@pytest.fixture(scope="session")
def guarded_kafka() -> Iterator[GuardedKafka]:
    """A broker with users and rights."""
    try:
        broker = GuardedKafka()
    except KafkaNotFound as error:
        pytest.skip(f"no local Kafka: {error}")
    with broker:
        yield broker


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[LocalPostgres]:
    """A Postgres for the whole run."""
    programs = find_programs()
    if programs is None:
        pytest.skip(f"no Postgres: install its server, or name a database in {TEST_POSTGRES}")
    with LocalPostgres(programs) as server:
        yield server


def apply_topics(settings: KafkaSettings, *, single_node: bool = True) -> None:
    """Make the topics as declared, with few partitions."""
    applied = apply(Admin(settings), declared(settings, single_node=single_node, partitions=FEW))
    assert applied.ok, applied.findings


def delete_before(settings: KafkaSettings, partition: Partition, offset: int) -> None:
    """Let the broker drop what a partition has below an offset, as retention does."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    for future in admin.delete_records([TopicPartition(*partition, offset)]).values():
        future.result(30)
