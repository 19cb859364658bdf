"""Publishers without brokers, for unit tests of upstream services.

They share everything up to the wire with the real publishers: the same checks, the same errors,
the same Avro. Only the records are kept in memory, for tests to inspect.

```python
publisher = RecordingPublisher()
approve(testimonial, publisher)
assert [event.type_name for event in publisher.events] == ["testimonial.approved"]

publisher.fail(KafkaUnavailable("publish"))  # the next one is not acknowledged
```

With pytest, `pytest_plugins = ["plaudit.publish.fixtures"]` brings the fixture `publisher`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from plaudit.events.models.event import EventModel
from plaudit.kafka.errors import BufferFull, KafkaFailure, ProducerClosed
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.acks import Ack, Headers, PublishCounts
from plaudit.kafka.write.producer import ProducerConfig
from plaudit.publish.async_publisher import AsyncPublisher
from plaudit.publish.prepare import DEFAULT_SOURCE, Prepared, checked_transactional_id
from plaudit.publish.publisher import DELIVERY_TIMEOUT_S, Publisher, RecordProducer

__all__ = ["Recorded", "RecordingAsyncPublisher", "RecordingPublisher"]

NOWHERE: Final = "nowhere.invalid:9092"


class Recorded(Prepared):
    """A record that would have been sent.

    Attributes:
        event: the event behind it.
    """

    event: EventModel

    @property
    def traceparent(self) -> str | None:
        """The `traceparent` of the record."""
        found = dict(self.headers).get("traceparent")
        return None if found is None else found.decode()


class RecordingPublisher(Publisher):
    """A `Publisher` that records events.

    Args:
        settings: names of the topics; its brokers are never contacted.
        source: see `Publisher`.
        delivery_timeout_s: see `Publisher`.
        transactional_id: see `Publisher`; has a default, so that transactions work.

    Attributes:
        records: acknowledged records, in order.
    """

    def __init__(
        self,
        settings: KafkaSettings | None = None,
        *,
        source: str = DEFAULT_SOURCE,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
        transactional_id: str | None = "testing",
    ) -> None:
        self.records: list[Recorded] = []
        self._brokers = _Brokers()
        super().__init__(
            settings or KafkaSettings(bootstrap_servers=NOWHERE),
            source=source,
            delivery_timeout_s=delivery_timeout_s,
            schema_id=lambda _: None,
            transactional_id=transactional_id,
        )

    @property
    def events(self) -> list[EventModel]:
        """Published events, in order."""
        return [record.event for record in self.records]

    def fail(self, failure: KafkaFailure, times: int = 1) -> None:
        """Make the next sends fail: individual events, or a transaction as a whole.

        `BufferFull` simulates a full buffer that many times; `publish` waits for space.
        """
        self._brokers.failures.extend([failure] * times)

    def clear(self) -> None:
        """Clear recorded events and pending failures."""
        self.records.clear()
        self._brokers.failures.clear()

    def _prepared(self, event: EventModel, traceparent: str | None = None) -> Recorded:
        made = super()._prepared(event, traceparent)
        recorded = Recorded(*made)
        recorded.event = event
        return recorded

    def _send(self, record: Prepared) -> Future[Ack]:
        future = super()._send(record)
        if future.exception() is None:
            self._keep([record])
        return future

    def _keep(self, records: Sequence[Prepared]) -> None:
        self.records += (each for each in records if isinstance(each, Recorded))

    def _open_producer(self, config: ProducerConfig) -> RecordProducer:
        del config
        return self._brokers

    def _batch_writer(self, name: str | None) -> _Batches | None:
        return None if name is None else _Batches(self, checked_transactional_id(name))


class RecordingAsyncPublisher(AsyncPublisher):
    """An `AsyncPublisher` that records events; takes the arguments of `RecordingPublisher`.

    Attributes:
        recording: recorded events, and pending failures.
    """

    def __init__(
        self,
        settings: KafkaSettings | None = None,
        *,
        source: str = DEFAULT_SOURCE,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
        transactional_id: str | None = "testing",
    ) -> None:
        self.recording = RecordingPublisher(
            settings,
            source=source,
            delivery_timeout_s=delivery_timeout_s,
            transactional_id=transactional_id,
        )
        super().__init__(publisher=self.recording)


class _Brokers:
    """Replaces the producer: acknowledges, or fails as configured."""

    def __init__(self) -> None:
        self.failures: deque[KafkaFailure] = deque()
        self.tally = PublishCounts()
        self._closed = False
        self._offset = 0

    def next_failure(self) -> KafkaFailure | None:
        if self._closed:
            doing = "publish"
            raise ProducerClosed(doing)
        return self.failures.popleft() if self.failures else None

    def publish(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Future[Ack]:
        del value, key, headers
        failure = self.next_failure()
        future: Future[Ack] = Future()
        match failure:
            case None:
                future.set_result(Ack(topic, 0, self._offset, time.time_ns() // 1_000_000))
                self._offset += 1
                self.tally.acknowledged += 1
            case BufferFull():
                raise failure
            case _:
                future.set_exception(failure)
                self.tally.failed += 1
        return future

    def wait_for_progress(self, timeout_s: float) -> bool:
        del timeout_s
        return True

    def flush(self, timeout_s: float) -> int:
        del timeout_s
        return 0

    def close(self, timeout_s: float) -> int:
        del timeout_s
        self._closed = True
        return 0


class _Batches:
    """Records whole batches, or fails as configured."""

    def __init__(self, publisher: RecordingPublisher, name: str) -> None:
        self._publisher = publisher
        self.name = name

    def write(self, records: Sequence[Prepared]) -> None:
        failure = self._publisher._brokers.next_failure()  # noqa: SLF001 - its other half
        if failure is not None:
            raise failure
        self._publisher._keep(records)  # noqa: SLF001 - its other half

    def close(self) -> None:
        """Do nothing: there is no transactional id."""
