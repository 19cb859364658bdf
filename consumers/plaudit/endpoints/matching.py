"""The endpoints that want an event, found by its workspace, its type and what it holds.

What is looked up, the endpoints of a workspace that want a type, is never changed but made anew, so
that a reader in another thread never sees half of a change.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from plaudit.endpoints.filters import Filter
from plaudit.endpoints.model import Served

ERASED: Final = "customer.erased"
"""Goes to every endpoint of its workspace, whatever that filters: copies must be erased."""

NEVER_MS: Final = float("inf")

MOST_STEPS_AT_ONCE: Final = 25_000
"""Steps of all filters on one event, while nothing else is done: some 3 ms."""

_log = logging.getLogger(__name__)


class TakesLong(Exception):
    """Judging an event by all filters of a workspace takes longer than the event loop can spare."""


class Wanting:
    """Which endpoints of a workspace want one type of event, before its content is looked at.

    Attributes:
        endpoints: those that want the type; never changed.
        all_from_ms: they all want what was appended from then on, whatever it holds; `NEVER_MS`
            where spaces or contents have to be looked at.
    """

    __slots__ = ("_erased", "all_from_ms", "endpoints")

    def __init__(self, endpoints: tuple[Served, ...], *, erased: bool) -> None:
        self.endpoints = endpoints
        self._erased = erased
        chooses = any(each.spaces or each.wants is not None for each in endpoints)
        from_ms = max((each.active_from_ms for each in endpoints), default=0)
        self.all_from_ms: float = NEVER_MS if chooses and not erased else from_ms

    def match(self, space_id: str, appended_ms: int, data: Mapping[str, Any]) -> Sequence[Served]:
        """Return the endpoints that want an event, unless that takes long.

        Args:
            space_id: the event's.
            appended_ms: when it was appended, by the brokers' clock; a redelivery decides the same.
            data: of the event, for content filters.

        Raises:
            TakesLong: ask `wants` for one endpoint after the other, with pauses.
        """
        if appended_ms >= self.all_from_ms:
            return self.endpoints
        found: list[Served] = []
        spent = 0
        for each in self.endpoints:
            before = _spent(each)
            if self.wants(each, space_id, appended_ms, data):
                found.append(each)
            spent += _spent(each) - before
            if spent > MOST_STEPS_AT_ONCE:
                raise TakesLong
        return found

    def wants(
        self, endpoint: Served, space_id: str, appended_ms: int, data: Mapping[str, Any]
    ) -> bool:
        """Return whether one of the endpoints wants an event; arguments as for `match`."""
        if appended_ms < endpoint.active_from_ms:
            return False
        if self._erased:
            return True
        if endpoint.spaces and space_id not in endpoint.spaces:
            return False
        return endpoint.wants is None or _judge(endpoint, endpoint.wants, data)


def _spent(endpoint: Served) -> int:
    return 0 if endpoint.wants is None else endpoint.wants.spent


def _judge(endpoint: Served, wants: Filter, data: Mapping[str, Any]) -> bool:
    """Return whether a filter wants an event; log once that one takes what it can't judge."""
    overran = wants.overruns > 0
    try:
        wanted = wants(data)
    except Exception:  # noqa: BLE001 - a defect of ours: rather too much is sent than too little
        if not overran:
            _log.exception("filter.defect", extra={"endpoint_id": endpoint.endpoint_id})
        wants.overruns += 1
        return True
    if wants.overruns and not overran:
        _log.warning(
            "filter.too_costly",
            extra={"endpoint_id": endpoint.endpoint_id, "workspace_id": endpoint.workspace_id},
        )
    return wanted


class Workspace:
    """The endpoints of one workspace, and which of them want which type, as far as it was asked.

    The thread that applies changes an endpoint and then replaces what was learned. A thread that
    learns takes that dictionary first: what it learned from the endpoints before the change goes
    into the dictionary that nobody looks at any more.
    """

    __slots__ = ("_served", "wanting")

    def __init__(self) -> None:
        self._served: dict[str, Served] = {}
        self.wanting: dict[str, Wanting] = {}

    def put(self, endpoint_id: str, now: Served | None) -> None:
        """Take an endpoint as it is now; None: it is not served here."""
        self._served.pop(endpoint_id, None)
        if now is not None:
            self._served[endpoint_id] = now
        self.wanting = {}

    def learn(self, event_type: str) -> Wanting:
        """Find out which endpoints want a type, once."""
        wanting = self.wanting
        served = tuple(self._served.values())
        erased = event_type == ERASED
        endpoints = tuple(
            each for each in served if erased or not each.types or event_type in each.types
        )
        found = wanting[event_type] = Wanting(endpoints, erased=erased)
        return found
