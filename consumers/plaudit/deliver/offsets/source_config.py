"""Configuration of a consumer thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.kafka.read.consumer import GroupConfig
from plaudit.kafka.read.positions import PastEnd

ASSIGNOR: Final = "range"
"""It shares every topic evenly, in both group protocols. It gives the same partition number of all
topics to one owner, so that all retries of an endpoint are in one process."""


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """Topics of a consumer thread, and its waiting times when it gives up partitions.

    Attributes:
        group: membership.
        topics: with the delay of each, in milliseconds.
        revoke_grace_s: time for deliveries in flight when a partition is revoked.
        hold_grace_s: the same when everything is revoked, most of it to come back.
        close_grace_s: the same when the worker stops.
        past_end: where to read when the group's position is past the end of the log.
    """

    group: GroupConfig
    topics: Mapping[str, int]
    revoke_grace_s: float = 3.0
    hold_grace_s: float = 1.0
    close_grace_s: float = 20.0
    past_end: PastEnd = PastEnd.START
