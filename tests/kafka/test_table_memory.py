"""The follower of a compacted topic keeps little in memory, and does not pause for that."""

from __future__ import annotations

from unittest.mock import patch

from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.settings import KafkaSettings

QUICK_MS = 50


def test_a_follower_whose_small_queue_was_full_fetches_again_soon() -> None:
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    with patch("plaudit.kafka.read.compacted.open_client") as opened:
        CompactedTopic(settings, "endpoints", lambda _key, _value: None)
    config = opened.call_args.args[2]
    assert config["queued.max.messages.kbytes"] <= 4_096
    assert config["fetch.queue.backoff.ms"] <= QUICK_MS
