"""Redrive and purge job: fence, snapshot, scan, move, in this order.

1. `fence` takes the transactional id of tombstones. That aborts the transaction of an earlier job,
   which can't write any more.
2. `Letters.alive` queries the ends of the topic and reads up to them. No other process can remove a
   letter now, so each one stays until this job moves it.
3. `choose` applies the filter and the redrive rules.
4. `LetterBatchWriter` moves the chosen letters, each with its tombstone in one transaction.

After a crash, the next run repeats these steps and finds exactly the letters that have not moved. A
dry run consists of steps 2 and 3, and does not disturb a running job.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TextIO

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LagGuard
from plaudit.dlq.job.actions import Action, Purge, RedriveDeliveries, RedriveEvents, skip_reason
from plaudit.dlq.job.batch_writer import LetterBatchWriter
from plaudit.dlq.job.failure_watch import FailureWatch, OutcomeWatch, ReturnWatch
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.rules import REMEDIES, RedriveOptions, Skip
from plaudit.dlq.job.takeover import run_over_outages
from plaudit.dlq.job.throttle import JobLimits, Throttle
from plaudit.dlq.letters.endpoint_index import EndpointDirectory, EndpointSummary
from plaudit.dlq.letters.filters import LetterFilter
from plaudit.dlq.letters.histogram import Histogram
from plaudit.dlq.letters.letter import Kind
from plaudit.dlq.letters.offset_index import OffsetIndex
from plaudit.dlq.letters.readable import SchemaCheck
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.permissions import require_brokers, require_write
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.transactions import TransactionalProducer
from plaudit.records.times import wall_ms
from plaudit.tracing.writer import closed, open_tracing


class EndpointRefused(ValueError):
    """The endpoint can't receive anything; the message contains the remedy."""


@dataclass(frozen=True, slots=True)
class Order:
    """Order of a job.

    Attributes:
        kind: kind of dead letters.
        filter: conditions for the letters.
        options: redrive options.
        to: another endpoint as the target.
        limits: rates and maximum number.
        name: name of the policy behind the job, if any.
    """

    kind: Kind = Kind.DELIVERIES
    filter: LetterFilter = field(default_factory=LetterFilter)
    options: RedriveOptions = field(default_factory=RedriveOptions)
    to: str | None = None
    limits: JobLimits = field(default_factory=JobLimits)
    name: str | None = None


def preview(settings: KafkaSettings, order: Order, control: Control) -> Report:
    """Return the report of a redrive without moving anything.

    Raises:
        EndpointRefused: the endpoint in `to` can't receive anything.
        KafkaFailure: the brokers are unavailable or refuse.
    """
    with ExitStack() as stack:
        action = _redrive(settings, order, stack)
        letters = stack.enter_context(Letters(settings, order.kind))
        report = _report(action, order)
        choose(letters, order, action, control, report)
        return report


def preview_purge(settings: KafkaSettings, order: Order, control: Control) -> Report:
    """Return the report of a purge without removing anything.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    action = Purge(order.kind, None)
    report = _report(action, order)
    with Letters(settings, order.kind) as letters:
        choose(letters, order, action, control, report)
    return report


def redrive(settings: KafkaSettings, order: Order, control: Control) -> Report:
    """Redrive letters.

    Raises:
        EndpointRefused: the endpoint in `to` can't receive anything.
        KafkaFailure: the brokers are unavailable or refuse; committed batches have moved, other
            letters stay.
    """
    with ExitStack() as stack:
        action = _redrive(settings, order, stack)
        limits = order.limits
        watch: FailureWatch
        if order.kind is Kind.DELIVERIES:
            watch = stack.enter_context(OutcomeWatch(settings, limits.stop_after))
        else:
            watch = stack.enter_context(ReturnWatch(settings, limits.stop_after))
        guard = stack.enter_context(LagGuard(settings, limits.lag_cap))
        return _run(settings, order, action, Throttle(limits, guard, watch), control)


def purge(settings: KafkaSettings, order: Order, file: TextIO | None, control: Control) -> Report:
    """Remove letters permanently.

    Args:
        settings: connection to Kafka.
        order: conditions for the letters.
        file: receives each letter before its removal.
        control: stops the job.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse; the remaining letters stay.
    """
    limits = replace(order.limits, lag_cap=0)
    return _run(settings, order, Purge(order.kind, file), Throttle(limits), control)


def choose(
    letters: Letters, order: Order, action: Action, control: Control, report: Report
) -> OffsetIndex:
    """Return the offsets of the letters to move.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    chosen, histogram = OffsetIndex(), Histogram()
    most = None if order.limits.most is None else order.limits.most - report.moved
    report.looked_at = report.matched = 0
    report.skipped.clear()
    for letter in letters.read():
        if control.stopping:
            break
        report.looked_at += 1
        if not order.filter.takes(letter):
            continue
        report.matched += 1
        reason = skip_reason(action, letter)
        if reason is not None:
            report.skipped[reason] += 1
            continue
        if histogram.total != most:
            chosen.add(letter.partition, letter.offset)
            histogram.add(letter)
    report.chosen = report.moved + histogram.total
    report.counts = histogram.counts()
    return chosen


def _run(
    settings: KafkaSettings, order: Order, action: Action, throttle: Throttle, control: Control
) -> Report:
    names = settings.names
    ours = [names.deliveries_now] if isinstance(action, RedriveDeliveries) else []
    require_write(settings, [order.kind.topic(names), *ours])
    report = _report(action, order)
    once = partial(_once, settings, order, action, throttle, control, report)
    run_over_outages(once, report, control)
    _conclude(report, control)
    return report


def _once(
    settings: KafkaSettings,
    order: Order,
    action: Action,
    throttle: Throttle,
    control: Control,
    report: Report,
) -> None:
    with ExitStack() as stack:
        producer = TransactionalProducer(settings, settings.names.dlq_transactional_id)
        stack.enter_context(producer)
        producer.fence()
        letters = stack.enter_context(Letters(settings, order.kind))
        chosen = choose(letters, order, action, control, report)
        control.listener.began(report.chosen - report.moved)
        tracing = open_tracing("plaudit-jobs")
        stack.enter_context(closed(tracing))
        mover = LetterBatchWriter(
            producer, letters.topic, action, throttle, control, report, tracing
        )
        mover.run(letters.read(chosen))


def _conclude(report: Report, control: Control) -> None:
    report.ended_at_ms = wall_ms()
    if report.stopped is not None:
        return
    if control.stopping:
        report.stopped = f"stopped by {control.stopped_by}; run it again to resume"
    elif report.endpoints:
        first, why = next(iter(report.endpoints.items()))
        if not first:
            report.stopped = (
                f"redriven records fail again ({why}); fix their reader or their writer"
            )
            return
        more = f" and {len(report.endpoints) - 1} more" if len(report.endpoints) > 1 else ""
        report.stopped = f"endpoint {first}{more} keeps failing ({why}); {REMEDIES[Skip.FAILING]}"


def _report(action: Action, order: Order) -> Report:
    return Report(action.name, str(order.kind), wall_ms(), order.name)


def _redrive(settings: KafkaSettings, order: Order, stack: ExitStack) -> Action:
    if order.kind is Kind.EVENTS:
        if order.to is not None:
            msg = "--to: records that can't be read as events go to their topic, not to an endpoint"
            raise EndpointRefused(msg)
        schemas = stack.enter_context(SchemaCheck(LateDecoder(settings)))
        return RedriveEvents(settings.names, order.options, schemas)
    require_brokers(settings)
    index = stack.enter_context(EndpointDirectory(settings))
    options = order.options
    if order.to is not None:
        options = replace(options, to=sendable(index, order.to))
    return RedriveDeliveries(settings.names, options, index)


def sendable(index: EndpointDirectory, endpoint_id: str) -> EndpointSummary:
    """Return an endpoint that can receive deliveries.

    Raises:
        EndpointRefused: the endpoint does not exist, or is disabled.
    """
    known = index.find(endpoint_id)
    if known is None or known.deleted:
        msg = f"no endpoint {endpoint_id}; see `plaudit endpoints list`"
        raise EndpointRefused(msg)
    if not known.active:
        advice = f"`plaudit endpoints enable {endpoint_id} --recover` enables it"
        msg = f"endpoint {endpoint_id} is disabled ({known.disabled_reason}); {advice}"
        raise EndpointRefused(msg)
    return known
