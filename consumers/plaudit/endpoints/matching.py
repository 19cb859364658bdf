"""Matching: the endpoints of a workspace that want an event, by its type and content.

What is looked up, the endpoints of a workspace that want a type, is never changed but made anew, so
that a reader in another thread never sees half of a change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from plaudit.endpoints.filters import Filter
from plaudit.endpoints.model import Former, Matched
from plaudit.logs.logger import event_logger

ERASED: Final = "customer.erased"
"""Goes to every endpoint of its workspace, whatever that filters: copies must be erased."""

NEVER_MS: Final = float("inf")

MOST_STEPS_AT_ONCE: Final = 25_000
"""Steps of all filters on one event, while nothing else is done: some 3 ms."""

_log = event_logger(__name__)


class TakesLong(Exception):
    """Judging an event by all filters of a workspace takes longer than the event loop can spare."""


class Wanting:
    """Which endpoints of a workspace want one type of event, before its content is looked at.

    Attributes:
        all_from_ms: all endpoints that are served want what was appended from then on, whatever
            it holds, and no others do; `NEVER_MS` where spaces or contents have to be looked at.
    """

    __slots__ = ("_ended_from_ms", "_erased", "_served", "_with_ended", "all_from_ms")

    def __init__(
        self, served: tuple[Matched, ...], ended: tuple[Matched, ...] = (), *, erased: bool
    ) -> None:
        self._served = served
        self._with_ended = served + ended
        self._erased = erased
        self._ended_from_ms = max(map(_last_end, ended), default=0)
        chooses = any(each.spaces or each.wants is not None for each in served)
        from_ms = max((each.active_from_ms for each in served), default=0)
        from_ms = max(from_ms, self._ended_from_ms)
        self.all_from_ms: float = NEVER_MS if chooses and not erased else from_ms

    def candidates(self, appended_ms: int) -> tuple[Matched, ...]:
        """Return the endpoints to look at for an event; the tuple is never changed.

        For an event from before the last one was disabled or deleted, these are among them: what
        was published while they were served ends as a dead letter, or is cancelled.
        """
        return self._served if appended_ms >= self._ended_from_ms else self._with_ended

    def match(self, space_id: str, appended_ms: int, data: Mapping[str, Any]) -> Sequence[Matched]:
        """Return the endpoints that want an event, unless that takes long.

        Args:
            space_id: the event's.
            appended_ms: when it was appended, by the brokers' clock; a redelivery decides the same.
            data: of the event, for content filters.

        Raises:
            TakesLong: ask `wants` for one endpoint after the other, with pauses.
        """
        if appended_ms >= self.all_from_ms:
            return self._served
        found: list[Matched] = []
        spent = 0
        for each in self.candidates(appended_ms):
            before = _spent(each)
            if self.wants(each, space_id, appended_ms, data):
                found.append(each)
            spent += _spent(each) - before
            if spent > MOST_STEPS_AT_ONCE:
                raise TakesLong
        return found

    def wants(
        self, endpoint: Matched, space_id: str, appended_ms: int, data: Mapping[str, Any]
    ) -> bool:
        """Return whether one of the candidates wants an event; arguments as for `match`."""
        if appended_ms < endpoint.active_from_ms:
            if not any(since <= appended_ms < until for since, until in endpoint.earlier):
                return False
        elif endpoint.ended_ms is not None and appended_ms >= endpoint.ended_ms:
            return False
        if self._erased:
            return True
        if endpoint.spaces and space_id not in endpoint.spaces:
            return False
        return endpoint.wants is None or _judge(endpoint, endpoint.wants, data)


def _spent(endpoint: Matched) -> int:
    return 0 if endpoint.wants is None else endpoint.wants.spent


def _judge(endpoint: Matched, wants: Filter, data: Mapping[str, Any]) -> bool:
    """Return whether a filter wants an event; log once that one takes what it can't judge."""
    overran = wants.overruns > 0
    try:
        wanted = wants(data)
    except Exception:  # noqa: BLE001 - a defect of ours: rather too much is sent than too little
        if not overran:
            _log.exception("filter.failed", extra={"endpoint_id": endpoint.endpoint_id})
        wants.overruns += 1
        return True
    if wants.overruns and not overran:
        _log.warning(
            "filter.too_costly",
            extra={"endpoint_id": endpoint.endpoint_id, "workspace_id": endpoint.workspace_id},
        )
    return wanted


def _last_end(endpoint: Matched) -> int:
    """Return from when on an endpoint that is not served gets nothing."""
    return max(endpoint.ended_ms or 0, *(until for _, until in endpoint.earlier), 0)


class Workspace:
    """The endpoints of one workspace, and which of them want which type, as far as it was asked.

    The thread that applies changes an endpoint and then replaces what was learned. A thread that
    learns takes that dictionary first: what it learned from the endpoints before the change goes
    into a dictionary that the table has replaced.
    """

    __slots__ = ("_known", "wanting")

    def __init__(self) -> None:
        self._known: dict[str, Matched] = {}
        self.wanting: dict[str, Wanting] = {}

    def put(self, endpoint_id: str, now: Matched | None) -> None:
        """Take an endpoint as it is now; None: it is not of this workspace."""
        self._known.pop(endpoint_id, None)
        if now is not None:
            self._known[endpoint_id] = now
        self.wanting = {}

    def forget(self, before_ms: int) -> None:
        """Forget endpoints that were deleted before a moment."""
        for endpoint_id, each in tuple(self._known.items()):
            if isinstance(each, Former) and each.ended_ms < before_ms:
                del self._known[endpoint_id]

    def learn(self, event_type: str) -> Wanting:
        """Find out which endpoints want a type, once."""
        wanting = self.wanting
        known = tuple(self._known.values())
        erased = event_type == ERASED
        endpoints = [each for each in known if erased or not each.types or event_type in each.types]
        served = tuple(each for each in endpoints if each.ended_ms is None)
        ended = tuple(each for each in endpoints if each.ended_ms is not None)
        found = wanting[event_type] = Wanting(served, ended, erased=erased)
        return found
