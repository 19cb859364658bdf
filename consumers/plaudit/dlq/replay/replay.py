"""Replay: delivers the events of a time range to one endpoint again.

It serves a new subscriber, or an endpoint that missed events. Its progress is a consumer group's
offsets, committed in the transaction that writes the deliveries. So a replay that is killed and
started again continues after the last event that it wrote, and writes no event twice. The metadata
of the offsets contains the range.

Events keep their id, so a receiver can drop those that it has already received.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from confluent_kafka import Message

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LagGuard
from plaudit.dlq.job.failure_watch import OutcomeWatch
from plaudit.dlq.job.job import sendable
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.rules import REMEDIES, LetterWrite, Skip
from plaudit.dlq.job.takeover import run_over_outages
from plaudit.dlq.job.throttle import BATCH_BYTES, SendGate, Throttle, write_in_one
from plaudit.dlq.letters.endpoint_index import EndpointDirectory
from plaudit.dlq.replay.checkpoint import ReplayProgress, ReplayRange
from plaudit.dlq.replay.choice import Chooser, ReplayOrder
from plaudit.dlq.replay.record import delivery_of
from plaudit.events.decoding import Event, SchemaLookup, SchemaUnknown, Undecodable
from plaudit.kafka.permissions import require_write
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.transactions import TransactionalProducer
from plaudit.records.times import time_text, wall_ms


def preview(
    settings: KafkaSettings, order: ReplayOrder, lookup: SchemaLookup, control: Control
) -> Report:
    """Return the report of a replay without sending anything.

    Raises:
        EndpointRefused: the endpoint can't take anything.
        ReplayRefused: the range is not usable.
        KafkaFailure: the brokers are unavailable or refuse.
    """
    with ExitStack() as stack:
        known = sendable(stack.enter_context(EndpointDirectory(settings)), order.endpoint)
        chooser = Chooser(known, order, lookup)
        progress = stack.enter_context(ReplayProgress(settings, order.endpoint))
        ranges = progress.find(order.wanted(known), chooser.topics(settings.names), again=True)
        report = _report(known.endpoint_id)
        types: Counter[str] = Counter()
        days: Counter[str] = Counter()
        for message, event in _events(progress.reader, ranges, chooser, control, report):
            if event is not None:
                types[event.type] += 1
                days[time_text(message.timestamp()[1])[:10]] += 1
        report.removed = progress.removed(ranges)
        report.matched = report.chosen = types.total()
        report.counts = {"type": dict(types.most_common()), "day": dict(sorted(days.items()))}
        return report


def replay(
    settings: KafkaSettings, order: ReplayOrder, lookup: SchemaLookup, control: Control
) -> Report:
    """Send the events of a range to an endpoint again; an earlier run that was stopped resumes.

    Raises:
        EndpointRefused: the endpoint can't take anything.
        ReplayRefused: the range is not usable, or another replay is not finished.
        KafkaFailure: the brokers are unavailable or refuse.
    """
    require_write(settings, [settings.names.deliveries_now])
    report = _report(order.endpoint)

    def once() -> None:
        with ExitStack() as stack:
            run = _Run(settings, order, lookup, control, stack)
            run.run(report)
            report.removed += run.removed

    run_over_outages(once, report, control)
    report.ended_at_ms = wall_ms()
    if control.stopping and report.stopped is None:
        report.stopped = f"stopped by {control.stopped_by}; run it again to continue"
    return report


class _Run:
    """A single run of a replay, from fencing to its end."""

    def __init__(
        self,
        settings: KafkaSettings,
        order: ReplayOrder,
        lookup: SchemaLookup,
        control: Control,
        stack: ExitStack,
    ) -> None:
        self._topic = settings.names.deliveries_now
        self._control = control
        self._limits = order.limits
        self._producer = stack.enter_context(
            TransactionalProducer(settings, f"{settings.names.replay_prefix}{order.endpoint}")
        )
        self._producer.fence()  # first: from here on, no other process moves the offsets
        self._directory = stack.enter_context(EndpointDirectory(settings))
        self._known = sendable(self._directory, order.endpoint)
        self._chooser = Chooser(self._known, order, lookup)
        self._progress = stack.enter_context(ReplayProgress(settings, order.endpoint))
        topics = self._chooser.topics(settings.names)
        self._ranges = self._progress.begin(order.wanted(self._known), topics, again=order.again)
        guard = stack.enter_context(LagGuard(settings, order.limits.lag_cap))
        watch = stack.enter_context(OutcomeWatch(settings, order.limits.stop_after))
        self._gate = SendGate(Throttle(order.limits, guard, watch), control)
        self._batch: list[LetterWrite] = []
        self._batch_bytes = 0
        self._read_to: dict[Partition, int] = {}

    @property
    def removed(self) -> int:
        """Maximum number of records in the range that retention removed before they were read."""
        return self._progress.removed(self._ranges)

    def run(self, report: Report) -> None:
        """Send the remaining events."""
        total = sum(each.end - each.start for each in self._ranges.values())
        self._control.listener.began(total)
        reader, ranges = self._progress.reader, self._ranges
        for message, event in _events(reader, ranges, self._chooser, self._control, report):
            if event is not None:
                if report.matched == self._limits.most:
                    break
                report.matched += 1
                self._add(delivery_of(message, event, self._known, wall_ms()))
            place = Partition(message.topic() or "", message.partition() or 0)
            self._read_to[place] = (message.offset() or 0) + 1
            if len(self._batch) >= self._limits.batch or self._batch_bytes >= BATCH_BYTES:
                self._commit(report)
            if report.stopped is not None:
                return
        else:
            if not self._control.stopping:
                self._read_to = {each: span.end for each, span in self._ranges.items()}
        self._commit(report)

    def _add(self, write: LetterWrite) -> None:
        self._batch.append(write._replace(topic=self._topic))
        self._batch_bytes += len(write.value or b"")

    def _commit(self, report: Report) -> None:
        """Write the collected records, together with the position in the events."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if batch and not self._gate.wait_for_room(len(batch)):
            return
        report.stopped = self._obstacle(report)
        if report.stopped is not None:
            return
        progress = self._progress.at(self._read_to, self._ranges)
        refused = write_in_one(
            self._producer, [(write,) for write in batch], self._control, progress
        )
        if refused:
            report.skipped[Skip.TOO_LARGE] += len(refused)
        report.moved += len(batch) - len(refused)
        report.chosen = report.moved
        self._gate.count_sent(len(batch))
        done = sum(offset - self._ranges[each].start for each, offset in self._read_to.items())
        self._control.listener.moved(done - self._progress.reported)
        self._progress.reported = done

    def _obstacle(self, report: Report) -> str | None:
        """Return why the replay must stop sending to the endpoint; None to continue."""
        endpoint = self._known.endpoint_id
        why = self._gate.failing(endpoint)
        if why is not None:
            report.endpoints[endpoint] = why
            return f"endpoint {endpoint} keeps failing ({why}); {REMEDIES[Skip.FAILING]}"
        now = self._directory.find(endpoint)
        if now is None or not now.active:
            return f"endpoint {endpoint} was disabled or deleted meanwhile; the rest was not sent"
        return None


def _events(
    reader: BoundedReader,
    ranges: Mapping[Partition, ReplayRange],
    chooser: Chooser,
    control: Control,
    report: Report,
) -> Iterator[tuple[Message, Event | None]]:
    """Yield every record of the ranges, with its event if the replay sends it."""
    spans = {each: (span.start, span.end) for each, span in ranges.items()}
    shortened = {each for each, span in ranges.items() if span.before}
    reported: set[Partition] = set()
    for message in reader.read(spans):
        if control.stopping:
            return
        if shortened or reader.gone:
            place = Partition(message.topic() or "", message.partition() or 0)
            if place not in reported and (place in shortened or place in reader.gone):
                reported.add(place)
                report.begins_ms = max(report.begins_ms or 0, message.timestamp()[1])
        report.looked_at += 1
        try:
            event = chooser.event(message)
        except Undecodable:
            report.undecodable += 1  # its dead letter contains the reason
            event = None
        except SchemaUnknown:
            report.unknown += 1
            event = None
        yield message, event


def _report(endpoint: str) -> Report:
    return Report("replay", "events", wall_ms(), endpoint)
