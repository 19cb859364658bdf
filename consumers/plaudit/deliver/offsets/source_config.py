"""Configuration of a consumer thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.kafka.read.consumer import GroupConfig
from plaudit.kafka.read.positions import PastEnd
from plaudit.kafka.read.topic_watch import Describe

ASSIGNOR: Final = "range"
"""It spreads every topic evenly, in both group protocols. It assigns the same partition number of
all topics to one member, so that all retries of an endpoint are in one process."""
FETCH_WAIT_MS: Final = 500
"""Time that a broker may hold an empty fetch; a record ends it at once."""
TIERS_FETCH_WAIT_MS: Final = 300
"""The same for tiers. A partition whose buffer has room again is missing from the current fetch,
and many retries are read that way."""


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """Topics of a consumer thread, and its grace periods.

    Attributes:
        group: configuration of the group member.
        topics: delay of each topic, in milliseconds.
        revoke_grace_s: time for deliveries in flight when single partitions are revoked.
        hold_grace_s: time for them when all partitions are revoked, most of which return.
        close_grace_s: time for them when the worker stops.
        past_end: where to read when the group's position is past the end of the log.
        describe: queries the brokers about topics; None: with a connection of its own.
    """

    group: GroupConfig
    topics: Mapping[str, int]
    revoke_grace_s: float = 3.0
    hold_grace_s: float = 1.0
    close_grace_s: float = 20.0
    past_end: PastEnd = PastEnd.START
    describe: Describe | None = None


def group_of(group: str, delays: Mapping[str, int]) -> GroupConfig:
    """Return the configuration of a lane's group member.

    Args:
        group: the group.
        delays: delay of each topic, in milliseconds.
    """
    wait_ms = TIERS_FETCH_WAIT_MS if any(delays.values()) else FETCH_WAIT_MS
    return GroupConfig(group, ASSIGNOR, fetch_wait_ms=wait_ms)
