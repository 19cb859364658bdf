"""Jobs in processes and threads, and what they did."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import TopicPartition

from plaudit.bulk.control import Control
from plaudit.dlq.job.job import Order, redrive
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.throttle import JobLimits
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.read.watermarks import log_bounds
from plaudit.kafka.settings import KafkaSettings

PLAUDIT = Path(sys.executable).with_name("plaudit")
UNBOUND = JobLimits(lag_cap=0)
SOON_S = 60.0
QUICKLY_S = 0.001
"""Pause between two looks at a job that a test stops in its middle."""


def end_of(settings: KafkaSettings) -> int:
    """Return how far `deliveries.now` has grown."""
    with BoundedReader(settings, f"{settings.topic_prefix}test") as reader:
        return sum(high for _, high in reader.spans(settings.names.deliveries_now).values())


@contextmanager
def growth(settings: KafkaSettings) -> Iterator[Callable[[], int]]:
    """Ask quickly, again and again, how far `deliveries.now` has grown."""
    with BoundedReader(settings, f"{settings.topic_prefix}test") as reader:
        places = [
            TopicPartition(*each) for each in reader.partitions(settings.names.deliveries_now)
        ]
        yield lambda: sum(log_bounds(reader.client, place, SOON_S)[1] for place in places)


def start(settings: KafkaSettings, *arguments: str) -> subprocess.Popen[str]:
    """Start `plaudit dlq redrive` as a process of its own."""
    return start_command(settings, "dlq", "redrive", "--yes", "--lag-cap", "0", *arguments)


def start_command(
    settings: KafkaSettings, *arguments: str, stdout: int | None = None
) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
    }
    command = [str(PLAUDIT), *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def in_thread(
    settings: KafkaSettings, order: Order
) -> tuple[Control, threading.Thread, list[Report]]:
    """Start a job in this process; what it reports is put into the list."""
    control, reports = Control(), list[Report]()
    thread = threading.Thread(target=lambda: reports.append(redrive(settings, order, control)))
    thread.start()
    return control, thread, reports
