"""Cost of commits: `cd tests && python -m bench.commit_cost [COUNT]`.

A member of a real group holds twelve partitions with windows of 1,000 offsets, of which every
second one is done, and commits as a worker does. Prints a line of JSON: CPU-µs of a commit in this
process, librdkafka's threads included; what of it the places with their bitmaps take; CPU-µs per
delivery at 10,000 deliveries a second; and how many ms an answer takes.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from plaudit.deliver.offsets.assignments import Assignments
from plaudit.deliver.offsets.committer import COMMIT_EVERY_S
from plaudit.dev.installation import remove_from
from plaudit.dev.kafka import find_kafka
from plaudit.kafka.admin.topic_specs import Section, TopicSpec
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.read.consumer import Consumer, GroupConfig, GroupEvents, Partition
from plaudit.kafka.settings import KafkaSettings

PARTITIONS: Final = 12
SPAN: Final = 1_000
RATE: Final = 10_000
WAIT_S: Final = 0.02
ASSIGNED_WITHIN_S: Final = 30.0


class Member:
    """The only member of a group, which holds all partitions of one topic."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self.holdings = Assignments({topic: 0}, lambda _: None)
        self.answers = 0
        events = GroupEvents(
            self._on_assign, lambda _: None, lambda _: None, lambda _: None, self._on_commit
        )
        config = GroupConfig(f"{settings.topic_prefix}group", "range")
        self.consumer = Consumer(settings, config, events)
        self.consumer.subscribe([topic])
        deadline = time.monotonic() + ASSIGNED_WITHIN_S
        while len(self.holdings.held) < PARTITIONS:
            self.consumer.read(1, WAIT_S)
            if time.monotonic() > deadline:
                sys.exit("the group assigned nothing")

    def fill(self) -> None:
        """Let half of each window be done, but not the first record."""
        for assignment in self.holdings.held.values():
            for offset in range(SPAN):
                assignment.window.receive(offset, 1)
            for offset in range(1, SPAN, 2):
                assignment.window.complete(offset)

    def commit(self) -> tuple[float, float]:
        """Commit all partitions; return the seconds that the places took, and until the answer."""
        began = time.perf_counter()
        places = {each.partition: each.place() for each in self.holdings.held.values()}
        made, before = time.perf_counter(), self.answers
        self.consumer.commit(places, wait=False)
        while self.answers == before:
            self.consumer.read(1, WAIT_S)
        return made - began, time.perf_counter() - made

    def _on_assign(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        places = self.consumer.committed(partitions)
        return self.holdings.assign(places, lambda _: 0)

    def _on_commit(self, failed: Sequence[Partition]) -> None:
        if failed:
            sys.exit(f"commits of {failed} failed")
        self.answers += 1


def measure(settings: KafkaSettings, count: int) -> dict[str, float]:
    """Return the figures."""
    topic = f"{settings.topic_prefix}events"
    Admin(settings).create([TopicSpec(topic, Section.EVENTS, PARTITIONS, 1, {})])
    try:
        member = Member(settings, topic)
        member.fill()
        member.commit()
        before = os.times()
        took = [member.commit() for _ in range(count)]
        after = os.times()
        member.consumer.close()
    finally:
        remove_from(settings)
    cpu_us = (after.user + after.system - before.user - before.system) / count * 1e6
    return {
        "commit_us": round(cpu_us, 1),
        "places_us": round(median(made for made, _ in took) * 1e6, 1),
        "us_per_delivery": round(cpu_us / (RATE * COMMIT_EVERY_S), 2),
        "answer_ms": round(median(answered for _, answered in took) * 1e3, 1),
    }


def main(count: int) -> None:
    """Measure and print."""
    with find_kafka(os.environ.get("PLAUDIT_TEST_KAFKA"), announce=print) as found:
        prefix = f"plaudit-bench-{uuid.uuid4().hex[:8]}."
        settings = KafkaSettings(bootstrap_servers=found.bootstrap, topic_prefix=prefix)
        print(json.dumps(measure(settings, count)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 500)
