"""A lane of several sources on a real broker: every topic is shared out evenly among workers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack

import pytest
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from conftest import MakeTopic
from deliver.test_source import Engine
from plaudit.deliver.offsets.source_config import SourceConfig
from plaudit.deliver.offsets.sources import Sources
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.read.consumer import GroupConfig, Partition
from plaudit.kafka.settings import KafkaSettings

pytestmark = pytest.mark.broker

SETTLED_S = 60.0
PARTITIONS = 6


class Worker:
    """The events lane of one worker."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str]) -> None:
        group = GroupConfig(f"{settings.topic_prefix}g", "cooperative-sticky")
        configs = [SourceConfig(group, {topic: 0}, revoke_grace_s=0.2) for topic in topics]
        self.sources = Sources(settings, configs, Engine, BrokerClock())
        self.sources.start()

    def close(self) -> None:
        self.sources.stop()
        assert self.sources.join(SETTLED_S)

    @property
    def held(self) -> set[Partition]:
        return {each.partition for each in self.sources.assignments}


def is_even(shares: Sequence[Mapping[str, int]], topics: Sequence[str]) -> bool:
    """Return whether every partition has an owner, and no worker has two more than another."""
    return all(
        sum(counts := [share.get(topic, 0) for share in shares]) == PARTITIONS
        and max(counts) - min(counts) <= 1
        for topic in topics
    )


def until_even(shares: Callable[[], Sequence[Mapping[str, int]]], topics: Sequence[str]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not is_even(found := shares(), topics):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def speaking(settings: KafkaSettings, protocol: str) -> KafkaSettings:
    return settings.model_copy(update={"properties": {"group.protocol": SecretStr(protocol)}})


# Brokers tell members of the newer protocol of a change every 5 s only.
@pytest.mark.parametrize(
    "protocol", ["classic", pytest.param("consumer", marks=pytest.mark.nightly)]
)
def test_every_topic_is_shared_out_evenly_and_only_what_must_moves(
    settings: KafkaSettings, make_topic: MakeTopic, protocol: str
) -> None:
    topics = [make_topic(PARTITIONS), make_topic(PARTITIONS)]
    ours = speaking(settings, protocol)
    workers: list[Worker] = []

    def shares() -> list[Counter[str]]:
        return [Counter(each.topic for each in worker.held) for worker in workers]

    with ExitStack() as stack:
        for _ in range(2):
            workers.append(Worker(ours, topics))
            stack.callback(workers[-1].close)
            until_even(shares, topics)
        before = workers[0].held
        workers.pop().close()
        until_even(shares, topics)
        assert before <= workers[0].held, "what the one that stays had, it keeps"


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
    def owned(self) -> list[int]:
        """How many partitions of a topic the members that have any of it have, smallest first."""
        group = f"{self._settings.topic_prefix}g"
        found = self._admin.describe_consumer_groups([group])[group].result(SETTLED_S)
        return [len(each.assignment.topic_partitions) for each in found.members]

    @property
    def even(self) -> bool:
        least, rest = divmod(PARTITIONS, len(self.running))
        once = [least + 1] * rest + [least] * (len(self.running) - rest)
        return sorted(self.owned) == sorted(once * len(self._topics))


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

    def until(what: str) -> None:
        # Brokers let a killed member of the newer protocol keep its partitions for 45 s.
        deadline = time.monotonic() + 2 * SETTLED_S
        while not crew.even:
            assert time.monotonic() < deadline, (what, crew.owned)
            time.sleep(0.2)

    for number in range(1, 6):
        crew.join()
        until(f"{number} workers")
    for end in (crew.kill, crew.leave, crew.kill):
        end()
        until(f"{len(crew.running)} workers after {end.__name__}")
