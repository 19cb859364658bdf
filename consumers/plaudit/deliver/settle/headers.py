"""Headers of the records that the settler writes: the event's own, and `plaudit-*`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from plaudit.deliver.model.attempted import Attempted, error_of, reason_of
from plaudit.deliver.model.decision import Decision, Diverted, Retry
from plaudit.deliver.model.delivery import Delivery, History, Origin
from plaudit.records.names import Header, Trigger

MOST_ERROR_BYTES: Final = 1_024

Headers = list[tuple[str, bytes]]


def next_history(history: History, decision: Decision, attempted: Attempted | None) -> History:
    """Return the history of a delivery after a decision."""
    # An attempt that was refused only for the endpoint's pace does not count. Its diversion does:
    # of two records of a delivery with the same numbers, the second is dropped as a repetition.
    counts = attempted is not None and not isinstance(decision, Diverted)
    made = history.attempts + counts
    first = history.first_attempt_at_ms
    if first is None and attempted is not None:
        first = attempted.started_at_ms
    not_before = history.not_before_ms
    diversions = 0 if counts else history.diversions
    turn_at: int | None = None
    trigger = history.trigger
    match decision:
        case Retry(not_before_ms=until):
            not_before = until
            # A replay keeps its trigger, because its requests have a header for it.
            trigger = trigger if trigger is Trigger.REPLAY else Trigger.RETRY
        case Diverted(send_at_ms=turn_at):
            diversions += 1
        case _:
            pass
    return History(
        trigger,
        made,
        diversions,
        history.redrives,
        history.enqueued_at_ms,
        first,
        not_before,
        history.endpoint_version,
        turn_at,
        unjudged=history.unjudged,
    )


def own_headers(delivery: Delivery, decision: Decision, attempted: Attempted | None) -> Headers:
    """Return the `plaudit-*` headers of a delivery's next record."""
    history = next_history(delivery.history, decision, attempted)
    version = delivery.endpoint_version or history.endpoint_version
    headers = [*_identity(delivery), *history_headers(history, version)]
    reason = reason_of(decision)
    if reason is not None:
        headers.append((Header.REASON, reason.encode()))
    if attempted is not None and attempted.status is not None:
        headers.append((Header.LAST_STATUS, str(attempted.status).encode()))
    error = error_of(decision, attempted)
    if error is not None:
        headers.append((Header.LAST_ERROR, clipped(error)))
    if attempted is None:
        # The last attempt is unchanged.
        given = {name for name, _ in headers}
        headers += [
            (name, value)
            for name, value in delivery.record.headers()
            if name in {Header.LAST_STATUS, Header.LAST_ERROR} and name not in given
        ]
    return headers


def _identity(delivery: Delivery) -> Headers:
    return [
        (Header.DELIVERY_ID, delivery.delivery_id.encode()),
        (Header.ENDPOINT_ID, delivery.endpoint_id.encode()),
        (Header.WORKSPACE_ID, delivery.event.workspace_id.encode()),
        *origin_headers(delivery.origin),
    ]


def history_headers(history: History, version: int | None) -> Headers:
    """Return a history as headers."""
    numbers = {
        Header.ENDPOINT_VERSION: version,
        Header.ATTEMPT: history.attempts,
        Header.DIVERSIONS: history.diversions,
        Header.REDRIVES: history.redrives,
        Header.ENQUEUED_AT: history.enqueued_at_ms,
        Header.FIRST_ATTEMPT_AT: history.first_attempt_at_ms,
        Header.NOT_BEFORE: history.not_before_ms,
        Header.TURN_AT: history.send_at_ms,
        Header.UNJUDGED: 1 if history.unjudged else None,
    }
    written = [
        (name, str(number).encode()) for name, number in numbers.items() if number is not None
    ]
    return [(Header.TRIGGER, history.trigger.encode()), *written]


def origin_headers(origin: Origin) -> Headers:
    """Return the position of the event in Kafka as headers."""
    return [
        (Header.ORIGIN_TOPIC, origin.topic.encode()),
        (Header.ORIGIN_PARTITION, str(origin.partition).encode()),
        (Header.ORIGIN_OFFSET, str(origin.offset).encode()),
        (Header.ORIGIN_TIMESTAMP, str(origin.timestamp_ms).encode()),
    ]


def foreign(headers: Iterable[tuple[str, bytes]]) -> Headers:
    """Return the headers that the publisher set."""
    return [(name, value) for name, value in headers if not name.startswith(Header.PREFIX)]


def still_true(headers: Iterable[tuple[str, bytes]]) -> Headers:
    """Return the headers that a dead letter keeps beside its own reason and origin.

    A record of the deliveries lane keeps its endpoint, and its number of redrives.
    """
    replaced = {
        Header.REASON,
        Header.LAST_ERROR,
        Header.ORIGIN_KEY,
        Header.ORIGIN_TOPIC,
        Header.ORIGIN_PARTITION,
        Header.ORIGIN_OFFSET,
        Header.ORIGIN_TIMESTAMP,
    }
    return [(name, value) for name, value in headers if name not in replaced]


def clipped(text: str) -> bytes:
    """Return UTF-8 of at most 1 KiB, cut between characters."""
    return text.encode()[:MOST_ERROR_BYTES].decode(errors="ignore").encode()
