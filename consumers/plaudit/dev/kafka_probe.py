"""Readiness check of a broker, and free ports for a new one."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

# Below the range of outgoing connections (from 32768 on Linux), so that no other process gets the
# port before its first use or during a restart.
_PORTS: Final = range(15_000, 32_000)
_ANSWER_TIMEOUT_S: Final = 1.0


def answers(bootstrap: str, brokers: int) -> bool:
    """Return whether the metadata of `bootstrap` contains all brokers and a controller.

    It blocks for at most a second.
    """
    admin = AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 0,  # a refused connection means that the port is free
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 50,
        }
    )
    try:
        metadata = admin.list_topics(timeout=_ANSWER_TIMEOUT_S)
    except KafkaException:
        return False
    return len(metadata.brokers) == brokers and metadata.controller_id > 0


def free_ports(count: int) -> Iterator[int]:
    """Yield free loopback ports, in random order, so that two processes rarely collide."""
    found = 0
    for port in random.sample(_PORTS, len(_PORTS)):
        if found == count:
            return
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found += 1
        yield port
