"""Exchange of findings about endpoints between workers, through the `health` topic.

A worker publishes its findings, and applies those of the other workers. Both happen twice a second,
apart from the deliveries. The exchange is optional: without the topic, or without the right to it,
each worker relies on its own attempts.
"""

from __future__ import annotations

import math
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from plaudit.deliver.isolation.findings import KEPT_S, MOST_KEPT, Finding
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.acks import Ack, SendFailure
from plaudit.kafka.write.producer import Producer
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger
from plaudit.records.health import HealthRecord, RecordError, decode_health, encode_health

_log = event_logger(__name__)

MOST_AT_ONCE: Final = 1_000
"""Findings of others that are applied at a time, so that a flood of them does not delay
deliveries."""
CURRENT_WITHIN_S: Final = 15.0
"""Findings are written only while the topic can be read: a producer waits long for a missing
topic."""
ASK_EVERY_S: Final = 5.0
REST_S: Final = 0.5
"""As often as findings are applied."""
MOST_PER_S: Final = 1_000_000.0


class HealthExchange:
    """Exchanges findings with the other workers; created in the event loop.

    Args:
        settings: connection and names.
        producer: writes the findings.
        registry: health of the endpoints, in this worker.
        clock: the brokers' time, which determines the age of findings.

    Attributes:
        sent: findings that were written.
        received: findings of others that were applied.
        refused: records that were not findings.

    Raises:
        SettingsError: a librdkafka property is refused.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        producer: Producer,
        registry: HealthRegistry,
        clock: BrokerClock,
    ) -> None:
        self._topic = settings.names.health
        self._producer = producer
        self._registry = registry
        self._clock = clock
        self._worker = uuid.uuid4().hex
        self._arrived: deque[tuple[Finding, int]] = deque(maxlen=MOST_KEPT)
        self._once = OnceLogger(_log)
        self.sent = self.received = self.refused = 0
        self._follower = CompactedTopic(
            settings,
            self._topic,
            self._apply,
            ask_every_s=ASK_EVERY_S,
            rest_s=REST_S,
            look_back_s=KEPT_S,
        )

    @property
    def counts(self) -> Mapping[tuple[str], int]:
        """Numbers of findings, by their outcome."""
        return {("told",): self.sent, ("heard",): self.received, ("refused",): self.refused}

    def start(self) -> None:
        """Follow the topic."""
        self._follower.start()

    def close(self) -> None:
        """Stop following."""
        self._follower.close()

    def tick(self, owns: Callable[[str], bool]) -> None:
        """Apply the findings of others, and publish new ones.

        Args:
            owns: returns whether this worker owns an endpoint.
        """
        now_s, now_ms = time.monotonic(), self._clock.now_ms()
        for _ in range(min(len(self._arrived), MOST_AT_ONCE)):
            finding, appended_ms = self._arrived.popleft()
            age_s = max(0.0, (now_ms - appended_ms) / 1_000)
            if age_s < KEPT_S:
                self.received += 1
                self._registry.receive(finding, age_s, now_s)
        if self._is_current(now_s):
            for finding in self._registry.findings(now_s, owns):
                self._send(finding)

    def _is_current(self, now_s: float) -> bool:
        as_of_s = self._follower.current_as_of
        return as_of_s is not None and now_s - as_of_s < CURRENT_WITHIN_S

    def _send(self, finding: Finding) -> None:
        value = encode_health(_record_of(finding, self._worker))
        try:
            key = finding.endpoint_id.encode()
            self._producer.send(self._topic, value, key, partition=0, on_ack=self._acked)
        except KafkaFailure as failure:
            self._once.failed("health.unshared", failure, kind=type(failure).__name__)

    def _acked(self, outcome: Ack | SendFailure) -> None:
        if isinstance(outcome, Ack):
            self.sent += 1
            self._once.recovered()
        else:
            self._once.failed("health.unshared", outcome.error, kind=type(outcome.error).__name__)

    def _apply(self, key: bytes, value: bytes | None) -> None:
        """Receive a record, in the follower's thread."""
        if value is None:
            return
        try:
            finding = finding_of(key, value, self._worker)
        except RecordError:
            self.refused += 1
            return
        if finding is not None:
            self._arrived.append((finding, self._follower.appended_ms))


def _record_of(finding: Finding, worker: str) -> HealthRecord:
    return {
        "endpoint_id": finding.endpoint_id,
        "version": finding.version,
        "worker": worker,
        # Less than a millisecond of failures is not the same as none.
        "failing_ms": math.ceil(finding.failing_s * 1_000),
        "open_ms": int(finding.open_s * 1_000),
        "held_ms": int(finding.held_s * 1_000),
        "paced": finding.paced,
        "per_s": finding.per_s,
    }


def finding_of(key: bytes, value: bytes, own: str) -> Finding | None:
    """Return the finding of another worker; None: this worker wrote it.

    Args:
        key: the record's key, which is the endpoint's id.
        value: the record's value.
        own: name of this worker.

    Raises:
        RecordError: no worker writes such a record.
    """
    record = decode_health(value)
    if record["endpoint_id"].encode() != key:
        msg = "its key is that of another endpoint"
        raise RecordError(msg)
    per_s = record["per_s"]
    durations = record["failing_ms"], record["open_ms"], record["held_ms"]
    if min(durations) < 0 or not (per_s is None or 0 < per_s <= MOST_PER_S):
        msg = "a duration or a limit is out of range"
        raise RecordError(msg)
    if record["worker"] == own:
        return None
    failing_s, open_s, held_s = (each / 1_000 for each in durations)
    return Finding(
        record["endpoint_id"],
        record["version"],
        failing_s,
        open_s,
        held_s,
        record["paced"],
        None if per_s is None else float(per_s),
    )
