"""Request for a replay, and the choice of its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Message

from plaudit.dlq.job.throttle import JobLimits
from plaudit.dlq.letters.endpoint_index import EndpointSummary
from plaudit.dlq.replay.checkpoint import DISABLED, ReplayIdentity, ReplayRefused
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import Event, EventDecoder, SchemaLookup
from plaudit.kafka.read.headers import readable_headers
from plaudit.records.names import Names
from plaudit.records.times import time_text

ERASED: Final = "customer.erased"
"""Goes to every endpoint of its workspace despite filters, as it did when it was published. With
`types`, a replay sends it only if it is among them."""


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """A request for a replay.

    Attributes:
        endpoint: receiver of the events.
        since: start of the range as text: a time, an age, or `disabled`.
        until: end of the range; None: now.
        types: types to replay; empty: all subscribed ones.
        spaces: spaces to replay; empty: all subscribed ones.
        limits: limits of the job.
        again: whether to repeat a completed replay.
    """

    endpoint: str
    since: str
    until: str | None = None
    types: frozenset[str] = frozenset()
    spaces: frozenset[str] = frozenset()
    limits: JobLimits = field(default_factory=JobLimits)
    again: bool = False

    def wanted(self, known: EndpointSummary) -> ReplayIdentity:
        """Return the identity of this replay among those to the same endpoint.

        Raises:
            ReplayRefused: the endpoint was never disabled, or the time of it is unknown.
        """
        since, until = self.since, self.until
        if since == DISABLED:
            if known.disabled_since_ms is None:
                raise ReplayRefused(_since_unknown(known))
            since = time_text(known.disabled_since_ms)
            until = until or time_text(known.active_from_ms)
        return ReplayIdentity(since, until, tuple(sorted(self.types)), tuple(sorted(self.spaces)))


def _since_unknown(known: EndpointSummary) -> str:
    """Return why the time at which an endpoint was disabled is unknown, with a remedy."""
    it = f"--since disabled: endpoint {known.endpoint_id}"
    if known.enabled_at_ms is None:
        return f"{it} was never disabled; use a time, such as --since 24h"
    enabled = time_text(known.enabled_at_ms)
    return (
        f"{it} was enabled again at {enabled}, and the topic of endpoints does not say any more "
        "when it was disabled; use a time"
    )


class Chooser:
    """Decides which events an endpoint receives.

    Args:
        known: the endpoint.
        order: the request for the replay.
        lookup: look-up of writer schemas.

    Raises:
        ReplayRefused: the endpoint subscribes to none of the requested events.
    """

    def __init__(
        self, known: EndpointSummary, order: ReplayOrder, lookup: SchemaLookup | None
    ) -> None:
        self._workspace = known.workspace_id
        self._decoder = EventDecoder(lookup)
        self.types = _narrowed("--type", order.types, known.types)
        self._erased = not order.types or ERASED in order.types
        self._spaces = _narrowed("--space", order.spaces, known.spaces)
        self._wants = known.wants

    def topics(self, names: Names) -> list[str]:
        """Return the topics with such events."""
        also = {ERASED} if self._erased else set()
        types = self.types | also if self.types else CATALOGUE.keys()
        return sorted({names.event_topic(CATALOGUE[name].entity) for name in types})

    def event(self, message: Message) -> Event | None:
        """Return the event if the replay sends it, or None.

        Raises:
            SchemaUnknown: the event can't be read yet.
            Undecodable: the record is not an event.
        """
        event = self._decoder.decode(message.value() or b"", lambda: readable_headers(message))
        if event.workspace_id != self._workspace:
            return None
        if event.type == ERASED and self._erased:
            return event
        if self.types and event.type not in self.types:
            return None
        if self._spaces and event.space_id not in self._spaces:
            return None
        return event if self._wants is None or self._wants(event.data) else None


def _narrowed(option: str, asked: frozenset[str], has: frozenset[str]) -> frozenset[str]:
    """Return the values that are both requested and subscribed to; empty means all."""
    if asked and has and not asked <= has:
        others = ", ".join(sorted(asked - has))
        raise ReplayRefused(f"{option}: the endpoint does not subscribe to {others}")
    return asked or has
