"""Publishers without brokers, for the unit tests of services that publish.

They are the real ones down to the wire: the same checks, the same errors, the same Avro. Only what
would go to Kafka is kept in memory, where a test looks at it.

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
from plaudit.publish.prepare import DEFAULT_SOURCE, Prepared, checked_transactional_id
from plaudit.publish.publisher import (
    DELIVERY_TIMEOUT_S,
    AsyncPublisher,
    Publisher,
    RecordProducer,
)

NOWHERE: Final = "nowhere.invalid:9092"


class Recorded(Prepared):
    """A record that would have been sent.

    Attributes:
        event: what it was made of.
    """

    event: EventModel

    @property
    def traceparent(self) -> str | None:
        """The trace that goes along."""
        found = dict(self.headers).get("traceparent")
        return None if found is None else found.decode()


class RecordingPublisher(Publisher):
    """A `Publisher` that keeps what is published.

    Args:
        settings: names the topics; the brokers in it are never asked.
        source: see `Publisher`.
        delivery_timeout_s: see `Publisher`.
        transactional_id: see `Publisher`; given, so that transactions can be tried.

    Attributes:
        records: what was acknowledged, in order.
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
        """What was published, in order."""
        return [record.event for record in self.records]

    def fail(self, failure: KafkaFailure, times: int = 1) -> None:
        """Let the next ones fail: events one by one, a transaction as a whole.

        `BufferFull` means that there is no room that often; `publish` waits for some.
        """
        self._brokers.failures.extend([failure] * times)

    def clear(self) -> None:
        """Forget what was published, and what was to fail."""
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
    """An `AsyncPublisher` that keeps what is published; takes what `RecordingPublisher` takes.

    Attributes:
        recording: what was published, and what shall fail.
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
    """Stands where the producer would: acknowledges, or fails as it was told."""

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
    """Keeps whole batches, or fails as it was told."""

    def __init__(self, publisher: RecordingPublisher, name: str) -> None:
        self._publisher = publisher
        self.name = name

    def write(self, records: Sequence[Prepared]) -> None:
        failure = self._publisher._brokers.next_failure()  # noqa: SLF001 - its other half
        if failure is not None:
            raise failure
        self._publisher._keep(records)  # noqa: SLF001 - its other half

    def close(self) -> None:
        """Hold nothing."""
