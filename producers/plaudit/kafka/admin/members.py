"""Members of a consumer group, as the brokers describe them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A member of a consumer group.

    Attributes:
        client_id: `client.id` of the process.
        host: its address, as the broker sees it.
        partitions: number of its partitions.
    """

    client_id: str
    host: str
    partitions: int
