"""Several topics on a real broker: workers share every one evenly, and wait for other releases."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product

import pytest
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from conftest import MakeTopic
from deliver.test_source import Engine, write
from plaudit.deliver.offsets.consumer_thread import ConsumerThread
from plaudit.deliver.offsets.source_config import ASSIGNOR, SourceConfig
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.read.consumer import GroupConfig, Partition
from plaudit.kafka.settings import KafkaSettings
from waiting import until

pytestmark = pytest.mark.broker

SETTLED_S = 60.0
PARTITIONS = 6


class Worker:
    """The events lane of one worker."""

    def __init__(
        self, settings: KafkaSettings, topics: Sequence[str], assignor: str = ASSIGNOR
    ) -> None:
        group = GroupConfig(f"{settings.topic_prefix}g", assignor)
        config = SourceConfig(
            group, dict.fromkeys(topics, 0), revoke_grace_s=0.2, hold_grace_s=0.2, close_grace_s=0.2
        )
        self.engine = Engine()
        self.source = ConsumerThread(settings, config, self.engine, BrokerClock())
        self.source.start()

    def close(self) -> None:
        self.source.stop()
        assert self.source.join(SETTLED_S)
        assert not self.engine.errors

    @property
    def held(self) -> set[Partition]:
        return {each.partition for each in self.source.assignments}


def is_even(shares: Sequence[Mapping[str, int]], topics: Sequence[str]) -> bool:
    """Return whether every partition has an owner, and no worker has two more than another."""
    return all(
        sum(counts := [share.get(topic, 0) for share in shares]) == PARTITIONS
        and max(counts) - min(counts) <= 1
        for topic in topics
    )


def until_even(shares: Callable[[], Sequence[Mapping[str, int]]], topics: Sequence[str]) -> None:
    found: list[Mapping[str, int]] = []

    def ask() -> bool:
        found[:] = shares()
        return is_even(found, topics)

    until(ask, f"shares of {topics} are even: {found}", SETTLED_S)


def speaking(settings: KafkaSettings, protocol: str) -> KafkaSettings:
    return settings.model_copy(update={"properties": {"group.protocol": SecretStr(protocol)}})


def held_by(worker: Worker) -> Counter[str]:
    return Counter(each.topic for each in worker.held)


class Shift:
    """Workers that come and go; a record stays in hand, so it is read again wherever it moves."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics
        self._expected: Counter[Worker] = Counter()
        self.workers: list[Worker] = []

    def shares(self) -> list[Counter[str]]:
        return [held_by(worker) for worker in self.workers]

    def change(self, change: Callable[[], None]) -> None:
        """Let the workers change; what each has gained is handed over once, and nothing else."""
        before = {worker: worker.held for worker in self.workers}
        change()
        until_even(self.shares, self._topics)
        for worker in self.workers:
            self._expected[worker] += len(worker.held - before.get(worker, set()))
            worker.engine.wait(partial(self._has_all, worker))

    def _has_all(self, worker: Worker) -> bool:
        assert len(worker.engine.seen) <= self._expected[worker], "what stayed was repeated"
        return len(worker.engine.seen) == self._expected[worker]


NIGHTLY = pytest.mark.nightly
"""Brokers notify members of the newer protocol of a change every 5 s only."""


@pytest.mark.parametrize(
    "protocols",
    [
        ["classic"] * 3,
        pytest.param(["consumer"] * 3, marks=NIGHTLY),
        # One after the other is replaced.
        pytest.param(["classic", "consumer", "consumer"], marks=NIGHTLY),
        pytest.param(["consumer", "classic", "classic"], marks=NIGHTLY),
    ],
    ids="-".join,
)
def test_every_topic_is_shared_out_evenly_and_only_what_moved_is_repeated(
    settings: KafkaSettings, make_topic: MakeTopic, protocols: list[str]
) -> None:
    topics = [make_topic(PARTITIONS), make_topic(PARTITIONS)]
    for topic, number in product(topics, range(PARTITIONS)):
        write(settings, topic, 1, number)
    shift = Shift(topics)
    with ExitStack() as stack:

        def join(protocol: str) -> None:
            shift.workers.append(Worker(speaking(settings, protocol), topics))
            stack.callback(shift.workers[-1].close)

        for protocol in protocols:
            shift.change(partial(join, protocol))
        shift.change(lambda: shift.workers.pop(0).close())


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_worker_waits_until_the_last_member_with_another_assignor_has_left(
    settings: KafkaSettings,
    make_topic: MakeTopic,
    caplog: pytest.LogCaptureFixture,
    protocol: str,
) -> None:
    topics = [make_topic(PARTITIONS)]
    with ExitStack() as stack:
        older: list[Worker] = []
        # Two: one that has rejoined tells the brokers what it had, which they can't convert.
        for _ in range(2):
            older.append(Worker(settings, topics, "cooperative-sticky"))
            stack.callback(older[-1].close)
            until_even(lambda: [held_by(each) for each in older], topics)
        ours = Worker(speaking(settings, protocol), topics)
        stack.callback(ours.close)
        ours.engine.wait(lambda: ours.source.refused is not None)
        assert "stop all of them" in str(ours.source.refused)
        for each in older:
            each.close()
        until_even(lambda: [held_by(ours)], topics)
        assert ours.source.refused is None
    assert [each.message for each in caplog.records].count("group.refused") == 1


PROGRAM = """
import sys, threading
from deliver.test_sources import Worker, speaking
from plaudit.kafka.settings import KafkaSettings
servers, prefix, protocol, *topics = sys.argv[1:]
settings = KafkaSettings(bootstrap_servers=servers, topic_prefix=prefix)
worker = Worker(speaking(settings, protocol), topics)
sys.stdin.read()
worker.close()
"""


class Crew:
    """Workers in processes of their own, one of which can be killed."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], protocol: str) -> None:
        self._settings, self._topics, self._protocol = settings, topics, protocol
        self._admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
        self.running: list[subprocess.Popen[bytes]] = []

    def join(self) -> None:
        ours = (self._settings.bootstrap_servers, self._settings.topic_prefix, self._protocol)
        command = [sys.executable, "-c", PROGRAM, *ours, *self._topics]
        path = {"PYTHONPATH": ":".join(sys.path)}
        self.running.append(subprocess.Popen(command, stdin=subprocess.PIPE, env=path))

    def leave(self) -> None:
        self.running.pop().communicate(timeout=SETTLED_S)

    def kill(self) -> None:
        process = self.running.pop()
        process.kill()
        process.communicate()

    @property
    def shares(self) -> list[Counter[str]]:
        """The number of partitions of each topic for each member."""
        group = f"{self._settings.topic_prefix}g"
        found = self._admin.describe_consumer_groups([group])[group].result(SETTLED_S)
        return [
            Counter(place.topic for place in each.assignment.topic_partitions)
            for each in found.members
        ]

    @property
    def even(self) -> bool:
        shares = self.shares
        return len(shares) == len(self.running) and is_even(shares, self._topics)


@pytest.fixture
def crew_of() -> Iterator[Callable[..., Crew]]:
    """Make crews, which leave when the test ends."""
    made: list[Crew] = []

    def make(settings: KafkaSettings, topics: Sequence[str], protocol: str) -> Crew:
        made.append(Crew(settings, topics, protocol))
        return made[-1]

    yield make
    for crew in made:
        while crew.running:
            crew.leave()


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_one_to_five_workers_share_evenly_over_joins_leaves_and_a_kill(
    settings: KafkaSettings, make_topic: MakeTopic, crew_of: Callable[..., Crew], protocol: str
) -> None:
    topics = [make_topic(PARTITIONS), make_topic(PARTITIONS)]
    crew = crew_of(settings, topics, protocol)

    def until_even_among(what: str) -> None:
        # Brokers let a killed member of the newer protocol keep its partitions for 45 s.
        until(lambda: crew.even, f"even shares among {what}", 2 * SETTLED_S)

    for number in range(1, 6):
        crew.join()
        until_even_among(f"{number} workers")
    for end in (crew.kill, crew.leave, crew.kill):
        end()
        until_even_among(f"{len(crew.running)} workers after {end.__name__}")
