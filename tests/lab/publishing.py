"""Publisher of a scenario's events in a thread, which records accepted events."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from functools import cache, partial
from itertools import count
from typing import TypeVar

from pydantic import BaseModel

from e2e.rig import Rig
from lab.arrivals import digest_of
from lab.evidence import Accepted
from lab.scenario import Traffic
from plaudit.events.catalogue import type_of
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.models.event import EventModel
from plaudit.events.rendering import render
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.consumer import Partition
from plaudit.publish import Ack, Publisher

M = TypeVar("M", bound=BaseModel)
TAG_BYTES = 1_000
# Longer than any outage of a scenario.
DELIVERY_TIMEOUT_S = 120.0


class Publishing:
    """A thread that publishes.

    Args:
        rig: rig with the workspace and the brokers.
        traffic: events to publish.

    Attributes:
        published: ids of sent events, acknowledged or not.
        accepted: acknowledged events.
        failures: errors of other events.
        enough: set to stop after the traffic's minimum number of events.
    """

    def __init__(self, rig: Rig, traffic: Traffic) -> None:
        self._rig = rig
        self._traffic = traffic
        self._decoder = EventDecoder()
        self._stop = threading.Event()
        self.enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publishing", daemon=True)
        self.published: set[str] = set()
        self.accepted: dict[str, Accepted] = {}
        self.failures: list[str] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop publishing, and wait for pending acknowledgements."""
        self._stop.set()
        self._thread.join(DELIVERY_TIMEOUT_S)

    @property
    def done(self) -> bool:
        """Whether all events were sent and acknowledged."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        traffic = self._traffic
        try:
            with Publisher(self._rig.settings, delivery_timeout_s=DELIVERY_TIMEOUT_S) as publisher:
                began = time.monotonic()
                for number in count():
                    if number >= traffic.events and self.enough.is_set():
                        return
                    if self._stop.wait(max(0.0, began + number / traffic.per_s - time.monotonic())):
                        return
                    self._publish(publisher, number)
        except KafkaFailure as failure:
            self.failures.append(str(failure))

    def _publish(self, publisher: Publisher, number: int) -> None:
        traffic = self._traffic
        name = traffic.types[number % len(traffic.types)]
        padding = traffic.padding[number % len(traffic.padding)]
        self.send(publisher, name, self._rig.workspace, padding)

    def send(self, publisher: Publisher, name: str, workspace: str, padding: int = 0) -> None:
        """Publish a new event of a workspace, and record it."""
        event = fresh(name, workspace, padding)
        event_id = str(event.meta.event_id)
        digest = digest_of(render(self._decoder.decode(encode(event))))
        self.published.add(event_id)
        future = publisher.publish(event)
        future.add_done_callback(partial(self._enter, event_id, (name, workspace), digest))

    def _enter(
        self, event_id: str, what: tuple[str, str], digest: bytes, future: Future[Ack]
    ) -> None:
        """Record an event if it was acknowledged; called in the producer's thread."""
        error = future.exception()
        if error is not None:
            self.failures.append(str(error))
            return
        ack = future.result()
        place = Partition(ack.topic, ack.partition)
        name, workspace = what
        self.accepted[event_id] = Accepted(
            name, place, ack.offset, ack.timestamp_ms, digest, workspace
        )


def fresh(name: str, workspace: str, padding: int = 0) -> EventModel:
    """Return an event with a new id and key, with about this many bytes of padding."""
    made = _example(name)
    meta = {"event_id": uuid.uuid4(), "workspace_id": uuid.UUID(workspace)}
    made = made.model_copy(update={"meta": made.meta.model_copy(update=meta)})
    made = _with(made, type_of(made).key_path, uuid.uuid4())
    testimonial = getattr(made, "testimonial", None)
    if padding and testimonial is not None:
        tags = ("t" * TAG_BYTES,) * (padding // TAG_BYTES)
        made = _with(made, ("testimonial", "tags"), tags)
    return made


def _with(model: M, path: Sequence[str], value: object) -> M:
    """Return a copy of a model with another value in a nested field."""
    name, *rest = path
    inner = _with(getattr(model, name), rest, value) if rest else value
    return model.model_copy(update={name: inner})


_example = cache(example)
