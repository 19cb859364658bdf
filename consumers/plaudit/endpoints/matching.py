"""Matching: finds the endpoints of a workspace that subscribe to an event, by type and content.

The subscribers of a type are an immutable object, which a change replaces, so that a reader in
another thread never sees half of a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from plaudit.endpoints.candidate import Candidate
from plaudit.endpoints.model import Endpoint, Former, Found, Matched, Periods, Unjudged
from plaudit.logs.logger import event_logger

ERASED: Final = "customer.erased"
"""Type of event that every endpoint of its workspace receives regardless of filters, because it
must erase its copies."""

NEVER_MS: Final = float("inf")

MOST_STEPS_AT_ONCE: Final = 25_000
"""Steps of all filters on one event that may block the event loop: about 3 ms."""

SHARD: Final = 256
"""Endpoints of a shard, which are all evaluated again when one of them changes."""

_log = event_logger(__name__)


class TakesLong(Exception):
    """Evaluating all filters of a workspace would block the event loop for too long."""


class EndpointAccess:
    """Access of matching to the table.

    Attributes:
        open: returns the decrypted endpoint of a candidate.
        costly: endpoints whose filter was too costly for an event.
    """

    def __init__(self, opener: Callable[[Candidate], Matched]) -> None:
        self.open = opener
        self.costly: set[str] = set()


class ShardSubscribers:
    """The endpoints of a shard that subscribe to a type.

    Attributes:
        served: endpoints that are served.
        ended: endpoints that are disabled or deleted.
        from_ms: earliest time from which all of `served` are served, and none of `ended`.
        ended_from_ms: earliest time from which none of `ended` is served.
        chooses: whether one of `served` filters by space or content.
    """

    __slots__ = ("chooses", "ended", "ended_from_ms", "from_ms", "served")

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.served = [each for each in candidates if each.ended_ms is None]
        self.ended = [each for each in candidates if each.ended_ms is not None]
        self.ended_from_ms = 0
        self.from_ms = 0
        self.chooses = False
        for each in self.ended:
            # `earlier` ends where `active_from_ms` begins.
            self.ended_from_ms = max(self.ended_from_ms, each.active_from_ms, each.ended_ms or 0)
        for each in self.served:
            self.from_ms = max(self.from_ms, each.active_from_ms)
            self.chooses = self.chooses or bool(each.spaces) or each.wants is not None


class TypeSubscribers:
    """Endpoints of a workspace that subscribe to one type of event, before filters are evaluated.

    Attributes:
        all_from_ms: earliest append time from which exactly the served endpoints match, whatever
            the event contains; `NEVER_MS` if spaces or contents have to be checked.
    """

    __slots__ = ("_access", "_ended_from_ms", "_erased", "_served", "_with_ended", "all_from_ms")

    def __init__(
        self, parts: Sequence[ShardSubscribers], access: EndpointAccess, *, erased: bool
    ) -> None:
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
        self._access = access
        self._ended_from_ms = ended_from_ms
        self.all_from_ms: float = (
            NEVER_MS if chooses and not erased else max(from_ms, ended_from_ms)
        )

    def candidates(self, appended_ms: int) -> tuple[Candidate, ...]:
        """Return the endpoints to check for an event; the tuple is never changed.

        For an event from before the last endpoint was disabled or deleted, it includes such
        endpoints: their deliveries become dead letters, or are cancelled.
        """
        return self._served if appended_ms >= self._ended_from_ms else self._with_ended

    def match(self, space_id: str, appended_ms: int, data: Mapping[str, Any]) -> Sequence[Found]:
        """Return the endpoints that match an event.

        Those whose filter raises an exception are among them, as `Unjudged`.

        Args:
            space_id: the event's space.
            appended_ms: when it was appended, by the brokers' clock, so that a redelivery has the
                same result.
            data: the event's data, for content filters.

        Raises:
            TakesLong: call `wants` for one endpoint after the other, with pauses.
        """
        if appended_ms >= self.all_from_ms:
            return [self._access.open(each) for each in self._served]
        found: list[Found] = []
        spent = 0
        for each in self.candidates(appended_ms):
            before = _spent(each)
            try:
                if self.wants(each, space_id, appended_ms, data):
                    found.append(self._access.open(each))
            except Exception as error:  # noqa: BLE001 - the event's other deliveries proceed
                found.append(self.unjudged(each, error))
            spent += _spent(each) - before
            if spent > MOST_STEPS_AT_ONCE:
                raise TakesLong
        return found

    def wants(
        self, candidate: Candidate, space_id: str, appended_ms: int, data: Mapping[str, Any]
    ) -> bool:
        """Return whether one of the candidates matches an event; arguments as for `match`.

        An exception of its filter is a defect of ours, and is raised.
        """
        if appended_ms < candidate.active_from_ms:
            endpoint = self._access.open(candidate)
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
        return self._access.open(candidate)

    def unjudged(self, candidate: Candidate, error: Exception) -> Unjudged:
        """Return a candidate whose filter raised an exception."""
        endpoint = self._access.open(candidate)
        known = endpoint if isinstance(endpoint, Endpoint) else None
        return Unjudged(candidate.endpoint_id, known, error)

    def _judge(self, candidate: Candidate, data: Mapping[str, Any]) -> bool:
        """Return whether a filter wants an event; log once if it accepts an event unjudged."""
        wants, endpoint_id = candidate.wants, candidate.endpoint_id
        if wants is None:
            return True
        costly = self._access.costly
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


class Shard:
    """Some endpoints of a workspace, and the subscribers of each type that was looked up."""

    __slots__ = ("known", "parts")

    def __init__(self) -> None:
        self.known: dict[str, Candidate] = {}
        self.parts: dict[str, ShardSubscribers] = {}

    def subscribers(self, event_type: str) -> ShardSubscribers:
        """Return the endpoints that subscribe to a type."""
        found = self.parts.get(event_type)
        if found is None:
            erased = event_type == ERASED
            candidates = [
                each
                for each in self.known.values()
                if erased or not each.types or event_type in each.types
            ]
            found = self.parts[event_type] = ShardSubscribers(candidates)
        return found


class Workspace:
    """Endpoints of one workspace in shards, and the subscribers of each type that was looked up.

    A change updates one shard only, so it does not evaluate all endpoints of a large workspace. The
    caller holds the table's lock, except for reading `subscribers`, whose values are immutable.
    """

    __slots__ = ("_access", "next_row", "shards", "subscribers")

    def __init__(self, access: EndpointAccess, next_row: int) -> None:
        self._access = access
        self.shards: list[Shard] = []
        self.next_row = next_row
        """Row at which learning continues; negative when all endpoints are learned."""
        self.subscribers: dict[str, TypeSubscribers] = {}

    def __len__(self) -> int:
        return sum(len(each.known) for each in self.shards)

    def put(self, endpoint_id: str, now: Candidate | None, *, is_new: bool) -> None:
        """Update an endpoint; None: it does not belong to this workspace.

        Args:
            endpoint_id: the endpoint.
            now: its present fields for matching.
            is_new: whether learning has passed its row without it. Learning will still reach an
                endpoint that is neither new nor known.
        """
        self.subscribers = {}
        for shard in self.shards:
            if endpoint_id in shard.known:
                shard.parts = {}
                if now is not None:
                    shard.known[endpoint_id] = now
                    return
                shard.known.pop(endpoint_id)
                if not shard.known:
                    self.shards.remove(shard)
                return
        if now is not None and is_new:
            self.add(endpoint_id, now)

    def add(self, endpoint_id: str, now: Candidate) -> None:
        """Add an unknown endpoint."""
        if not self.shards or len(self.shards[-1].known) >= SHARD:
            self.shards.append(Shard())
        shard = self.shards[-1]
        shard.known[endpoint_id] = now
        shard.parts = {}

    def learn(self, event_type: str) -> TypeSubscribers:
        """Find the subscribers of a type, once."""
        parts = [each.subscribers(event_type) for each in self.shards]
        found = TypeSubscribers(parts, self._access, erased=event_type == ERASED)
        self.subscribers[event_type] = found
        return found


def former_of(candidate: Candidate, earlier: Periods, deleted_ms: int) -> Former:
    """Return the fields to keep of a deleted endpoint."""
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
