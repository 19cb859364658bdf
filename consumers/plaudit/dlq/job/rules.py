"""Redrive rules: the records to write for a letter, as pure functions.

They keep the event's bytes and headers, and drop the headers about the failure (reason, last error,
last status). So a redriven record exceeds its letter by at most a few digits of its counters, which
the topics' size limits allow for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from plaudit.dlq.letters.endpoint_index import EndpointSummary
from plaudit.dlq.letters.letter import Letter
from plaudit.kafka.read.headers import Headers
from plaudit.records.delivery_id import delivery_id
from plaudit.records.names import Header, Names, Trigger, tier_of

CUT_BYTES: Final = 64 * 1024
"""Bytes of an oversized record's value that its letter keeps."""


class LetterWrite(NamedTuple):
    """A record to write; a tombstone if it has no value."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: Headers | None = None
    partition: int = -1


class Skip(StrEnum):
    """Reasons why a letter stays; stable codes of the report."""

    ENDPOINT_DISABLED = "endpoint_disabled"
    ENDPOINT_UNKNOWN = "endpoint_unknown"
    OTHER_WORKSPACE = "other_workspace"
    PARKED = "parked"
    CUT = "cut"
    NO_ORIGIN = "no_origin"
    FOREIGN_ORIGIN = "foreign_origin"
    NO_EVENT_ID = "no_event_id"
    UNUSABLE = "unusable"
    SCHEMA_UNKNOWN = "schema_unknown"
    TOO_LARGE = "refused_by_kafka"
    FAILING = "endpoint_failing"


REMEDIES: Final = {
    Skip.ENDPOINT_DISABLED: "`plaudit endpoints enable ID --recover`, or --to another endpoint",
    Skip.ENDPOINT_UNKNOWN: "deleted: `plaudit dlq purge --endpoint ID`, or --to another endpoint",
    Skip.OTHER_WORKSPACE: "--to stays within the workspace of the events",
    Skip.PARKED: "sent again too often; find the cause, then raise --max-redrives",
    Skip.CUT: "only the first 64 KiB were kept; `plaudit replay` sends the event from its topic",
    Skip.NO_ORIGIN: "its key does not name its origin; `plaudit dlq export` keeps it",
    Skip.FOREIGN_ORIGIN: "its origin is not a topic of events or deliveries of this installation",
    Skip.TOO_LARGE: "the brokers refuse the record; see `plaudit topics check`",
    Skip.NO_EVENT_ID: "without a ce_id header it can't go to another endpoint",
    Skip.UNUSABLE: "it can't be read; `plaudit dlq purge` removes it and keeps its bytes in a file",
    Skip.SCHEMA_UNKNOWN: "run `plaudit schemas register`, with the release that wrote it",
    Skip.FAILING: "the endpoint fails; fix it, then run this again",
}


@dataclass(frozen=True, slots=True)
class RedriveOptions:
    """Redrive options.

    Attributes:
        reset_attempts: whether letters start their whole schedule again, not just one attempt.
        max_redrives: number of redrives after which a letter stays.
        to: another endpoint, of the same workspace.
    """

    reset_attempts: bool = True
    max_redrives: int = 5
    to: EndpointSummary | None = None


def delivery_skip_reason(
    letter: Letter, options: RedriveOptions, known: EndpointSummary | None
) -> Skip | None:
    """Return why a delivery must not be redriven; None if it may be.

    Args:
        letter: the dead letter.
        options: redrive options.
        known: the target endpoint; None if it is unknown.
    """
    skip_reason = _letter_skip_reason(letter, options)
    if skip_reason is not None:
        return skip_reason
    if known is None or known.deleted:
        return Skip.ENDPOINT_UNKNOWN
    if options.to is not None and not letter.raw("ce_id"):
        return Skip.NO_EVENT_ID
    if letter.raw(Header.WORKSPACE_ID) != known.workspace_id.encode():
        return Skip.OTHER_WORKSPACE
    return None if known.active else Skip.ENDPOINT_DISABLED


def event_skip_reason(names: Names, letter: Letter, options: RedriveOptions) -> Skip | None:
    """Return why an unreadable record must not be redriven; None if it may be."""
    return _letter_skip_reason(letter, options) or origin_skip_reason(names, letter)


def origin_skip_reason(names: Names, letter: Letter) -> Skip | None:
    """Return why a letter's record may not go to its origin topic; None if it may.

    Any producer can write headers, which could name a topic that this job must not write to.
    """
    topic = _origin(letter)
    if not topic:
        return Skip.NO_ORIGIN
    ours = topic in names.event_topics or tier_of(topic, names.deliveries_prefix) is not None
    return None if ours else Skip.FOREIGN_ORIGIN


def _letter_skip_reason(letter: Letter, options: RedriveOptions) -> Skip | None:
    if not letter.readable:
        return Skip.UNUSABLE
    if letter.redrives >= options.max_redrives:
        return Skip.PARKED
    cut = letter.raw(Header.REASON) == b"write_refused" and len(letter.value) >= CUT_BYTES
    return Skip.CUT if cut else None


def target_of(letter: Letter, options: RedriveOptions) -> str:
    """Return the target endpoint of a letter."""
    return options.to.endpoint_id if options.to else letter.text(Header.ENDPOINT_ID) or ""


def tombstone(topic: str, letter: Letter) -> LetterWrite:
    """Return the tombstone that removes a letter, in the letter's partition."""
    return LetterWrite(topic, None, letter.key, None, letter.partition)


def redriven_delivery(
    names: Names, letter: Letter, options: RedriveOptions, known: EndpointSummary, now_ms: int
) -> LetterWrite:
    """Return the record that redrives a delivery.

    Args:
        names: names of the topics.
        letter: the dead letter.
        options: redrive options.
        known: the target endpoint.
        now_ms: time in epoch milliseconds.
    """
    endpoint = known.endpoint_id
    changed = {
        Header.REDRIVES: str(letter.redrives + 1).encode(),
        Header.DIVERSIONS: b"0",
        # A delivery expires by its age, which restarts here.
        Header.ENQUEUED_AT: str(now_ms).encode(),
        # A replayed delivery keeps its trigger, which its requests carry as a header.
        Header.TRIGGER: _trigger(letter).encode(),
        # A worker that still sees the endpoint as disabled waits for this version.
        Header.ENDPOINT_VERSION: str(known.version).encode(),
    }
    if options.reset_attempts or options.to:
        changed[Header.ATTEMPT] = b"0"
    if options.to:
        changed[Header.ENDPOINT_ID] = endpoint.encode()
        changed[Header.DELIVERY_ID] = delivery_id(letter.text("ce_id") or "", endpoint).encode()
    replaced = _ENDED | changed.keys()
    if options.to:
        replaced |= {Header.UNJUDGED}  # the operator chose the endpoint
    headers = [each for each in letter.headers if each[0] not in replaced]
    headers.extend(changed.items())
    return LetterWrite(names.deliveries_now, letter.value, endpoint.encode(), headers)


def redriven_event(names: Names, letter: Letter) -> LetterWrite:
    """Return the record for a letter's origin topic, with its original key, headers and bytes.

    A record from a tier goes to `deliveries.now`, because it was already due.
    """
    topic = _origin(letter)
    redrives = (Header.REDRIVES, str(letter.redrives + 1).encode())
    headers = [
        (name, value)
        for name, value in letter.headers
        if name not in _ENDED and name not in _PLACE and name != Header.REDRIVES
    ]
    if topic.startswith(names.deliveries_prefix):
        topic = names.deliveries_now
    return LetterWrite(topic, letter.value, letter.raw(Header.ORIGIN_KEY), [*headers, redrives])


_ENDED: Final = frozenset({Header.REASON, Header.LAST_ERROR, Header.LAST_STATUS, Header.NOT_BEFORE})
_PLACE: Final = frozenset(
    {
        Header.ORIGIN_TOPIC,
        Header.ORIGIN_PARTITION,
        Header.ORIGIN_OFFSET,
        Header.ORIGIN_TIMESTAMP,
        Header.ORIGIN_KEY,
    }
)


def _trigger(letter: Letter) -> Trigger:
    is_replay = letter.text(Header.TRIGGER) == Trigger.REPLAY
    return Trigger.REPLAY if is_replay else Trigger.REDRIVE


def _origin(letter: Letter) -> str:
    """Return the origin topic in an unreadable record's key; empty if unknown."""
    topic, separator, _ = letter.id.partition(":")
    return letter.text(Header.ORIGIN_TOPIC) or (topic if separator else "")
