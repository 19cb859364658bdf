"""Types of a consumer group member: partitions, offsets, configuration and callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.number}]"


def in_spans(partitions: Iterable[Partition]) -> list[str]:
    """Return partitions in short form: `["plaudit.testimonials[0-5,8]"]`."""
    numbers: dict[str, list[int]] = {}
    for topic, number in sorted(partitions):
        numbers.setdefault(topic, []).append(number)
    return [f"{topic}[{_spans(found)}]" for topic, found in numbers.items()]


def _spans(numbers: Sequence[int]) -> str:
    """Format ascending numbers, with a range for each run."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


class CommittedOffset(NamedTuple):
    """A group's position in a partition.

    Attributes:
        offset: the next offset to read; None when the group never committed.
        metadata: metadata of the commit; empty if absent.
    """

    offset: int | None
    metadata: str


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """Configuration of a consumer group member.

    Attributes:
        group_id: the group.
        assignor: `range`, or `cooperative-sticky`; the KIP-848 protocol takes `range` or `uniform`.
        session_timeout_ms: time after its last heartbeat at which a member counts as dead.
        fetch_wait_ms: time that a broker may hold an empty fetch.
    """

    group_id: str
    assignor: str = "cooperative-sticky"
    session_timeout_ms: int = 6_000
    fetch_wait_ms: int = 200


@dataclass(frozen=True, slots=True)
class GroupEvents:
    """Callbacks of a group member, called from within `read` and `close`.

    Attributes:
        on_assign: partitions now belong to this member; returns the start offset of each.
        on_revoke: partitions are about to be revoked; they can still be committed.
        on_lost: partitions were lost; they can't be committed.
        on_out_of_range: the log no longer has the position of this partition.
        on_commit: an asynchronous commit completed, and failed for these partitions (the consumer
            has logged it). An owner that commits only changes must commit them again.
    """

    on_assign: Callable[[Sequence[Partition]], Mapping[Partition, int]]
    on_revoke: Callable[[Sequence[Partition]], None]
    on_lost: Callable[[Sequence[Partition]], None]
    on_out_of_range: Callable[[Partition], None]
    on_commit: Callable[[Sequence[Partition]], None] = lambda _: None
