"""What members of a consumer group are told, and tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.number}]"


class CommittedOffset(NamedTuple):
    """Where a group stands in a partition.

    Attributes:
        offset: the next one to read; None when the group never committed.
        metadata: text that was committed with it; empty when there was none.
    """

    offset: int | None
    metadata: str


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """How a member of a consumer group behaves.

    Attributes:
        group_id: the group.
        assignor: `range`, or `cooperative-sticky`; the KIP-848 protocol takes `range` or `uniform`.
        session_timeout_ms: how long after its last heartbeat a member counts as dead.
        fetch_wait_ms: how long a broker may hold a fetch that has nothing to return.
        member: tells the members of one process in one group apart, for `group.instance.id`.
    """

    group_id: str
    assignor: str = "cooperative-sticky"
    session_timeout_ms: int = 6_000
    fetch_wait_ms: int = 100
    member: str = ""


@dataclass(frozen=True, slots=True)
class GroupEvents:
    """What the owner of a group member is told, from within `read` and `close`.

    Attributes:
        on_assign: partitions that are now this member's; returns the offset to start each at.
        on_revoke: partitions that are about to be given up; they can still be committed.
        on_lost: partitions that are gone already; they can't be committed.
        on_out_of_range: the log no longer has the position of this partition.
        on_commit_failed: a commit that was not waited for failed for these partitions; it has been
            logged. Who commits only what changed has to commit them again.
    """

    on_assign: Callable[[Sequence[Partition]], Mapping[Partition, int]]
    on_revoke: Callable[[Sequence[Partition]], None]
    on_lost: Callable[[Sequence[Partition]], None]
    on_out_of_range: Callable[[Partition], None]
    on_commit_failed: Callable[[Sequence[Partition]], None] = lambda _: None
