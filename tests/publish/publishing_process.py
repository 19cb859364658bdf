"""A service that publishes until its standard input ends, and keeps a ledger of ids.

`python publishing_process.py SUBMITTED ACCEPTED [TRANSACTIONAL_ID]`; with the last, each line of
the ledgers is a transaction. A line is written before, or after, the event that it records.
"""

from __future__ import annotations

import os
import sys
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

from plaudit.events.examples import example
from plaudit.events.models.event import EventModel
from plaudit.publish import Ack, KafkaFailure, Publisher

AT_ONCE = 20
PAUSE_S = 0.005


class Ledger:
    """Lines that outlive a kill -9: each is one write to the system."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, events: Sequence[EventModel]) -> None:
        """Write the ids of events, as one line."""
        line = " ".join(str(event.meta.event_id) for event in events)
        os.write(self._file, f"{line}\n".encode())


def made() -> EventModel:
    """Return an event with an id of its own."""
    event = example("testimonial.approved")
    meta = event.meta.model_copy(update={"event_id": uuid.uuid4()})
    return event.model_copy(update={"meta": meta})


def one_by_one(publisher: Publisher, submitted: Ledger, accepted: Ledger) -> None:
    """Publish some events, and note each that is acknowledged."""

    def note(event: EventModel, future: Future[Ack]) -> None:
        if future.exception() is None:
            accepted.note([event])

    for event in [made() for _ in range(AT_ONCE)]:
        submitted.note([event])
        publisher.publish(event).add_done_callback(partial(note, event))
    publisher.flush()


def together(publisher: Publisher, submitted: Ledger, accepted: Ledger) -> None:
    """Publish some events in one transaction, and note them when it is committed."""
    events = [made() for _ in range(AT_ONCE)]
    submitted.note(events)
    try:
        with publisher.transaction() as batch:
            for event in events:
                batch.publish(event)
    except KafkaFailure:
        return  # not known, or nothing: no promise was made
    accepted.note(events)


def main() -> None:
    """Publish until the other end of standard input is closed."""
    submitted, accepted = Ledger(sys.argv[1]), Ledger(sys.argv[2])
    name = sys.argv[3] if len(sys.argv) > 3 else None
    publish = one_by_one if name is None else together
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    with Publisher(transactional_id=name) as publisher:
        while not ended.wait(PAUSE_S):
            publish(publisher, submitted, accepted)


if __name__ == "__main__":
    main()
