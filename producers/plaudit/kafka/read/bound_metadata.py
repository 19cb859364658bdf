"""Metadata of a commit, bound to the cluster and the offset that it belongs to.

A mirror of a cluster copies a group's positions with their metadata, but with other offsets: its
log begins elsewhere, or has a record twice. Metadata that counts from the position would then point
to records that were never read. So it is written as `@cluster:offset:text`, and is text again only
in that cluster, at that offset.
"""

from __future__ import annotations

import re
from typing import Final

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from plaudit.kafka.clients import open_client
from plaudit.kafka.settings import KafkaSettings

_BOUND: Final = re.compile(r"@(?P<cluster>[^:]*):(?P<offset>\d{1,19}):(?P<text>.*)", re.DOTALL)


def cluster_id(client: Consumer | AdminClient, topic: str, timeout_s: float) -> str:
    """Return the id of the cluster that a client reaches; empty if the brokers have none.

    Raises:
        KafkaException: no answer in time.
    """
    return client.list_topics(topic, timeout=timeout_s).cluster_id or ""


def find_cluster_id(settings: KafkaSettings, topic: str, timeout_s: float) -> str:
    """Return the same through a client of its own; for callbacks of a consumer.

    `list_topics` of the consumer would take away the state of the call that its callback runs in,
    and the next callback of that call would abort the process.

    Raises:
        KafkaException: no answer in time.
    """
    client = open_client(settings, AdminClient, settings.client_config())
    return cluster_id(client, topic, timeout_s)


def bind(cluster: str, offset: int, text: str) -> str:
    """Return metadata to commit at an offset; empty without text, or a cluster to bind it to."""
    return f"@{cluster}:{offset}:{text}" if text and cluster else ""


def unbind(cluster: str, offset: int, metadata: str) -> str:
    """Return the text that was bound; metadata of another cluster or offset as it is."""
    found = _BOUND.fullmatch(metadata)
    if found is None or (found["cluster"], int(found["offset"])) != (cluster, offset):
        return metadata
    return found["text"]
