"""Commit metadata that is bound to its cluster and offset.

A mirrored cluster copies a group's positions and their metadata, but its offsets differ: its log
begins elsewhere, or contains a record twice. Metadata that counts from the position would then
point to records that were never read. So `bind` writes `@cluster:offset:text`, and `unbind` accepts
the text only in that cluster, at that offset.
"""

from __future__ import annotations

import re
from typing import Final

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from plaudit.kafka.admin_clients import open_admin_client
from plaudit.kafka.settings import KafkaSettings

_BOUND: Final = re.compile(r"@(?P<cluster>[^:]*):(?P<offset>\d{1,19}):(?P<text>.*)", re.DOTALL)


def cluster_id(client: Consumer | AdminClient, topic: str, timeout_s: float) -> str:
    """Return the id of the cluster that a client connects to; empty if the brokers have none.

    Raises:
        KafkaException: no answer in time.
    """
    return client.list_topics(topic, timeout=timeout_s).cluster_id or ""


def find_cluster_id(settings: KafkaSettings, topic: str, timeout_s: float) -> str:
    """Return the cluster's id through a separate client, as callbacks of a consumer must.

    `list_topics` of the consumer would clear the state of the call that runs the callback, and the
    next callback of that call would abort the process.

    Raises:
        KafkaException: no answer in time.
    """
    client = open_admin_client(settings, settings.client_config())
    return cluster_id(client, topic, timeout_s)


def bind(cluster: str, offset: int, text: str) -> str:
    """Return metadata to commit at an offset; empty if the text or the cluster is empty."""
    return f"@{cluster}:{offset}:{text}" if text and cluster else ""


def unbind(cluster: str, offset: int, metadata: str) -> str:
    """Return the text from bound metadata; metadata of another cluster or offset unchanged."""
    found = _BOUND.fullmatch(metadata)
    if found is None or (found["cluster"], int(found["offset"])) != (cluster, offset):
        return metadata
    return found["text"]
