"""What a source reads, and how it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.kafka.read.consumer import GroupConfig
from plaudit.kafka.read.positions import PastEnd

ASSIGNOR: Final = "range"
"""It shares out every topic evenly, whatever the others have, in both group protocols; and it gives
a partition's number in all topics to one owner, so that every retry of an endpoint is in one
process."""


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """What a source reads and how it leaves.

    Attributes:
        group: how it behaves as a member.
        topics: with the delay of each, in milliseconds.
        revoke_grace_s: how long deliveries under way are waited for when a partition is revoked.
        hold_grace_s: the same when everything is revoked, most of it to come back.
        close_grace_s: the same when the worker stops.
        past_end: where to begin when the group's position is past the end of the log.
    """

    group: GroupConfig
    topics: Mapping[str, int]
    revoke_grace_s: float = 3.0
    hold_grace_s: float = 1.0
    close_grace_s: float = 20.0
    past_end: PastEnd = PastEnd.START
