"""Matching: the endpoints of a workspace that want an event, by its type and content.

What is looked up, the endpoints of a workspace that want a type, is never changed but made anew, so
that a reader in another thread never sees half of a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from plaudit.endpoints.candidate import Candidate
from plaudit.endpoints.model import Endpoint, Former, Found, Matched, Periods, Unjudged
from plaudit.logs.logger import event_logger

ERASED: Final = "customer.erased"
"""Goes to every endpoint of its workspace, whatever that filters: copies must be erased."""

NEVER_MS: Final = float("inf")

MOST_STEPS_AT_ONCE: Final = 25_000
"""Steps of all filters on one event, while nothing else is done: some 3 ms."""

SHELF: Final = 256
"""Endpoints of a workspace that are looked through again when one of them changed."""

_log = event_logger(__name__)


class TakesLong(Exception):
    """Judging an event by all filters of a workspace takes longer than the event loop can spare."""


class Tools:
    """The table's side of matching.

    Attributes:
        open: returns the endpoint of a candidate, decrypted.
        costly: endpoints whose filter was too costly for an event.
    """

    def __init__(self, opener: Callable[[Candidate], Matched]) -> None:
        self.open = opener
        self.costly: set[str] = set()


class Part:
    """The endpoints of a shelf that want a type of event.

    Attributes:
        served: these are served.
        ended: these are disabled or deleted.
        from_ms: the first moment from which all of `served` are served, and none of `ended`.
        ended_from_ms: the first moment from which none of `ended` gets anything.
        chooses: whether one of `served` looks at spaces or contents.
    """

    __slots__ = ("chooses", "ended", "ended_from_ms", "from_ms", "served")

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.served = [each for each in candidates if each.ended_ms is None]
        self.ended = [each for each in candidates if each.ended_ms is not None]
        self.ended_from_ms = 0
        self.from_ms = 0
        self.chooses = False
        for each in self.ended:
            # It was served before only: `earlier` ends where `active_from_ms` begins.
            self.ended_from_ms = max(self.ended_from_ms, each.active_from_ms, each.ended_ms or 0)
        for each in self.served:
            self.from_ms = max(self.from_ms, each.active_from_ms)
            self.chooses = self.chooses or bool(each.spaces) or each.wants is not None


class Wanting:
    """Which endpoints of a workspace want one type of event, before its content is looked at.

    Attributes:
        all_from_ms: all endpoints that are served want what was appended from then on, whatever
            it holds, and no others do; `NEVER_MS` where spaces or contents have to be looked at.
    """

    __slots__ = ("_ended_from_ms", "_erased", "_served", "_tools", "_with_ended", "all_from_ms")

    def __init__(self, parts: Sequence[Part], tools: Tools, *, erased: bool) -> None:
        served: list[Candidate] = []
        ended: list[Candidate] = []
        ended_from_ms, from_ms, chooses = 0, 0, False
        for each in parts:
            served += each.served
            ended += each.ended
            ended_from_ms = max(ended_from_ms, each.ended_from_ms)
            from_ms = max(from_ms, each.from_ms)
            chooses = chooses or each.chooses
        self._served = tuple(served)
        self._with_ended = (*served, *ended) if ended else self._served
        self._erased = erased
        self._tools = tools
        self._ended_from_ms = ended_from_ms
        self.all_from_ms: float = (
            NEVER_MS if chooses and not erased else max(from_ms, ended_from_ms)
        )

    def candidates(self, appended_ms: int) -> tuple[Candidate, ...]:
        """Return the endpoints to look at for an event; the tuple is never changed.

        For an event from before the last one was disabled or deleted, these are among them: what
        was published while they were served ends as a dead letter, or is cancelled.
        """
        return self._served if appended_ms >= self._ended_from_ms else self._with_ended

    def match(self, space_id: str, appended_ms: int, data: Mapping[str, Any]) -> Sequence[Found]:
        """Return the endpoints that want an event, unless that takes long.

        Those whose filter raises an exception are among them, as `Unjudged`.

        Args:
            space_id: the event's.
            appended_ms: when it was appended, by the brokers' clock; a redelivery decides the same.
            data: of the event, for content filters.

        Raises:
            TakesLong: ask `wants` for one endpoint after the other, with pauses.
        """
        if appended_ms >= self.all_from_ms:
            return [self._tools.open(each) for each in self._served]
        found: list[Found] = []
        spent = 0
        for each in self.candidates(appended_ms):
            before = _spent(each)
            try:
                if self.wants(each, space_id, appended_ms, data):
                    found.append(self._tools.open(each))
            except Exception as error:  # noqa: BLE001 - the event's other deliveries proceed
                found.append(self.unjudged(each, error))
            spent += _spent(each) - before
            if spent > MOST_STEPS_AT_ONCE:
                raise TakesLong
        return found

    def wants(
        self, candidate: Candidate, space_id: str, appended_ms: int, data: Mapping[str, Any]
    ) -> bool:
        """Return whether one of the candidates wants an event; arguments as for `match`.

        An exception of its filter is a defect of ours, and is raised.
        """
        if appended_ms < candidate.active_from_ms:
            endpoint = self._tools.open(candidate)
            if not any(since <= appended_ms < until for since, until in endpoint.earlier):
                return False
        elif candidate.ended_ms is not None and appended_ms >= candidate.ended_ms:
            return False
        if self._erased:
            return True
        if candidate.spaces and space_id not in candidate.spaces:
            return False
        return candidate.wants is None or self._judge(candidate, data)

    def opened(self, candidate: Candidate) -> Matched:
        """Return the endpoint of a candidate."""
        return self._tools.open(candidate)

    def unjudged(self, candidate: Candidate, error: Exception) -> Unjudged:
        """Return a candidate whose filter raised an exception."""
        endpoint = self._tools.open(candidate)
        known = endpoint if isinstance(endpoint, Endpoint) else None
        return Unjudged(candidate.endpoint_id, known, error)

    def _judge(self, candidate: Candidate, data: Mapping[str, Any]) -> bool:
        """Return whether a filter wants an event; log once that one takes what it can't judge."""
        wants, endpoint_id = candidate.wants, candidate.endpoint_id
        if wants is None:
            return True
        costly = self._tools.costly
        before = wants.overruns
        wanted = wants(data)
        if wants.overruns > before and endpoint_id not in costly:
            costly.add(endpoint_id)
            _log.warning(
                "filter.too_costly",
                extra={"endpoint_id": endpoint_id, "workspace_id": candidate.workspace_id},
            )
        return wanted


def _spent(candidate: Candidate) -> int:
    return 0 if candidate.wants is None else candidate.wants.spent


class Shelf:
    """Some endpoints of a workspace, and which of them want which type, as far as it was asked."""

    __slots__ = ("known", "parts")

    def __init__(self) -> None:
        self.known: dict[str, Candidate] = {}
        self.parts: dict[str, Part] = {}

    def part(self, event_type: str) -> Part:
        """Return those that want a type."""
        found = self.parts.get(event_type)
        if found is None:
            erased = event_type == ERASED
            candidates = [
                each
                for each in self.known.values()
                if erased or not each.types or event_type in each.types
            ]
            found = self.parts[event_type] = Part(candidates)
        return found


class Workspace:
    """The endpoints of one workspace on shelves, and which want which type, as far as it was asked.

    A change makes anew what is known of one shelf. So a change of a workspace with many endpoints
    does not look through all of them. The caller holds the table's lock, except for reading
    `wanting`, whose values are complete.
    """

    __slots__ = ("_tools", "next_row", "shelves", "wanting")

    def __init__(self, tools: Tools, next_row: int) -> None:
        self._tools = tools
        self.shelves: list[Shelf] = []
        self.next_row = next_row
        """Where learning continues; negative when all endpoints are here."""
        self.wanting: dict[str, Wanting] = {}

    def __len__(self) -> int:
        return sum(len(each.known) for each in self.shelves)

    def put(self, endpoint_id: str, now: Candidate | None, *, is_new: bool) -> None:
        """Take an endpoint as it is now; None: it is not of this workspace.

        Args:
            endpoint_id: which one.
            now: what matching has to know of it.
            is_new: whether learning has passed its place without it. Learning still comes to one
                that is neither new nor here.
        """
        self.wanting = {}
        for shelf in self.shelves:
            if endpoint_id in shelf.known:
                shelf.parts = {}
                if now is not None:
                    shelf.known[endpoint_id] = now
                    return
                shelf.known.pop(endpoint_id)
                if not shelf.known:
                    self.shelves.remove(shelf)
                return
        if now is not None and is_new:
            self.add(endpoint_id, now)

    def add(self, endpoint_id: str, now: Candidate) -> None:
        """Take an endpoint that is not here yet."""
        if not self.shelves or len(self.shelves[-1].known) >= SHELF:
            self.shelves.append(Shelf())
        shelf = self.shelves[-1]
        shelf.known[endpoint_id] = now
        shelf.parts = {}

    def learn(self, event_type: str) -> Wanting:
        """Find out which endpoints want a type, once."""
        parts = [each.part(event_type) for each in self.shelves]
        found = Wanting(parts, self._tools, erased=event_type == ERASED)
        self.wanting[event_type] = found
        return found


def former_of(candidate: Candidate, earlier: Periods, deleted_ms: int) -> Former:
    """Return what has to be remembered of a deleted endpoint."""
    ended_ms = deleted_ms if candidate.ended_ms is None else min(candidate.ended_ms, deleted_ms)
    return Former(
        candidate.endpoint_id,
        candidate.workspace_id,
        candidate.version,
        candidate.types,
        candidate.spaces,
        candidate.active_from_ms,
        candidate.wants,
        earlier,
        ended_ms,
    )
