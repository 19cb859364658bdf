"""Endpoint model of a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plaudit.endpoints.filters import Filter
from plaudit.endpoints.signing import Signer
from plaudit.formats.shape import Shape
from plaudit.records.delays import Delay
from plaudit.transport.addresses import Target

Status = Literal["active", "disabled"]
Periods = tuple[tuple[int, int], ...]
"""Periods, each with its first moment and the moment after it, epoch milliseconds by the brokers'
clock."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that can be delivered to.

    Attributes:
        endpoint_id: UUID.
        workspace_id: UUID of the tenant.
        version: grows with every change.
        target: parsed URL; a text if the URL can't be used, with the reason.
        headers: the subscriber's own headers, ready to send.
        signer: signs its requests.
        types: event types that it subscribes to; none means all.
        spaces: spaces whose events it subscribes to; none means all.
        shape: payload format; None means the standard one.
        rate_limit: requests per second, over all workers; None: no limit.
        schedule: delays between attempts; None: the installation's.
        status: `enabled` or `disabled`.
        disabled_reason: why it is disabled.
        active_from_ms: events appended before are not matched; epoch milliseconds.
        wants: its content filter; None: everything.
        earlier: periods in which it was served before it was disabled and enabled again.
        ended_ms: when it was disabled; None: it is served.
    """

    endpoint_id: str
    workspace_id: str
    version: int
    target: Target | str
    headers: tuple[tuple[bytes, bytes], ...]
    signer: Signer
    types: frozenset[str]
    spaces: frozenset[str]
    shape: Shape | None
    rate_limit: float | None
    schedule: tuple[Delay, ...] | None
    status: Status
    disabled_reason: str | None
    active_from_ms: int
    wants: Filter | None = None
    earlier: Periods = ()
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An endpoint that can't be decrypted: its deliveries are diverted, never dropped.

    Its unencrypted fields are known, so events are matched anyway.

    Attributes:
        reason: why it can't be opened, for the operator.
    """

    endpoint_id: str
    workspace_id: str
    version: int
    reason: str
    types: frozenset[str]
    spaces: frozenset[str]
    active_from_ms: int
    wants: Filter | None = None
    earlier: Periods = ()
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """An endpoint whose tombstone was seen."""

    endpoint_id: str


@dataclass(frozen=True, slots=True)
class Former:
    """A deleted endpoint, for events that were published before and are read after that.

    Attributes:
        ended_ms: when it was deleted, or disabled before that.
    """

    endpoint_id: str
    workspace_id: str
    version: int
    types: frozenset[str]
    spaces: frozenset[str]
    active_from_ms: int
    wants: Filter | None
    earlier: Periods
    ended_ms: int


class Unjudged:
    """An endpoint whose filter raised an exception for an event: a defect of ours.

    Attributes:
        endpoint_id: UUID.
        endpoint: None if it is deleted or can't be decrypted.
        error: the exception.
    """

    __slots__ = ("endpoint", "endpoint_id", "error")

    def __init__(self, endpoint_id: str, endpoint: Endpoint | None, error: Exception) -> None:
        self.endpoint_id = endpoint_id
        self.endpoint = endpoint
        self.error = error


Served = Endpoint | Unreadable
"""Endpoint that is not deleted."""
Matched = Endpoint | Unreadable | Former
"""Endpoint that events are matched against."""
Found = Matched | Unjudged
"""What matching an event returns."""
