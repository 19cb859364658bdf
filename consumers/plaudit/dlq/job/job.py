"""Redrive and purge job: fence, snapshot, scan, move, in this order.

1. `fence`: the job takes the transactional id of tombstones; an earlier job's transaction is
   aborted, and that job can't write any more.
2. `Letters.alive` takes the ends of the topic and reads up to them. No other process can remove a
   letter now, so each letter stays until this job moves it.
3. `choose` applies the filter and the redrive rules.
4. `BatchWriter` moves the chosen letters, each with its tombstone in one transaction.

If the job is killed, the next run repeats these steps and finds exactly the letters that have not
moved. A dry run consists of steps 2 and 3, and does not disturb a running job.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TextIO

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LagGuard
from plaudit.dlq.job.actions import Action, Purge, RedriveDeliveries, RedriveEvents, stays
from plaudit.dlq.job.batch_writer import Mover
from plaudit.dlq.job.failure_watch import FailureWatch, OutcomeWatch, ReturnWatch
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.rules import WAY_OUT, RedriveOptions, Skip
from plaudit.dlq.job.takeover import run_over_outages
from plaudit.dlq.job.throttle import JobLimits, Throttle
from plaudit.dlq.letters.endpoint_index import Directory, EndpointSummary
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
from plaudit.tracing.writer import open_tracing


class EndpointRefused(ValueError):
    """Nothing can be sent to the endpoint. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Order:
    """Order of a job.

    Attributes:
        kind: kind of dead letters.
        filter: conditions for the letters.
        again: redrive options.
        to: another endpoint as the target.
        limits: rates and maximum number.
        name: name of the policy, if one ordered it.
    """

    kind: Kind = Kind.DELIVERIES
    filter: LetterFilter = field(default_factory=LetterFilter)
    again: RedriveOptions = field(default_factory=RedriveOptions)
    to: str | None = None
    limits: JobLimits = field(default_factory=JobLimits)
    name: str | None = None


def preview(settings: KafkaSettings, order: Order, control: Control) -> Report:
    """Return what a redrive would do now, without doing it.

    Raises:
        EndpointRefused: the endpoint in `to` can't receive anything.
        KafkaFailure: the brokers are away or refuse.
    """
    with ExitStack() as stack:
        action = _redrive(settings, order, stack)
        letters = stack.enter_context(Letters(settings, order.kind))
        report = _report(action, order)
        choose(letters, order, action, control, report)
        return report


def preview_purge(settings: KafkaSettings, order: Order, control: Control) -> Report:
    """Return what a purge would remove now, without doing it.

    Raises:
        KafkaFailure: the brokers are away or refuse.
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
        KafkaFailure: the brokers are unavailable or refuse; committed letters are moved, the rest
            stays.
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
        KafkaFailure: the brokers are unavailable or refuse; the rest stays.
    """
    limits = replace(order.limits, lag_cap=0)
    return _run(settings, order, Purge(order.kind, file), Throttle(limits), control)


def choose(
    letters: Letters, order: Order, action: Action, control: Control, report: Report
) -> OffsetIndex:
    """Return the offsets of the letters to move.

    Raises:
        KafkaFailure: the brokers are away or refuse.
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
        reason = stays(action, letter)
        if reason is not None:
            report.skipped[reason] += 1
            continue
        if histogram.total != most:
            chosen.add(letter.partition, letter.offset)
            histogram.take(letter)
    report.chosen = report.moved + histogram.total
    report.counts = histogram.counts()
    return chosen


def _run(
    settings: KafkaSettings, order: Order, action: Action, brakes: Throttle, control: Control
) -> Report:
    names = settings.names
    ours = [names.deliveries_now] if isinstance(action, RedriveDeliveries) else []
    require_write(settings, [order.kind.topic(names), *ours])
    report = _report(action, order)
    once = partial(_once, settings, order, action, brakes, control, report)
    run_over_outages(once, report, control)
    _conclude(report, control)
    return report


def _once(
    settings: KafkaSettings,
    order: Order,
    action: Action,
    brakes: Throttle,
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
        if tracing is not None:
            stack.callback(tracing.writer.close)
        mover = Mover(producer, letters.topic, action, brakes, control, report, tracing)
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
            report.stopped = f"what is sent comes back ({why}); put right what reads or writes it"
            return
        more = f" and {len(report.endpoints) - 1} more" if len(report.endpoints) > 1 else ""
        report.stopped = f"endpoint {first}{more} keeps failing ({why}); {WAY_OUT[Skip.FAILING]}"


def _report(action: Action, order: Order) -> Report:
    return Report(action.name, str(order.kind), wall_ms(), order.name)


def _redrive(settings: KafkaSettings, order: Order, stack: ExitStack) -> Action:
    if order.kind is Kind.EVENTS:
        if order.to is not None:
            msg = "--to: records that can't be read as events go to their topic, not to an endpoint"
            raise EndpointRefused(msg)
        schemas = stack.enter_context(SchemaCheck(LateDecoder(settings)))
        return RedriveEvents(settings.names, order.again, schemas)
    require_brokers(settings)
    directory = stack.enter_context(Directory(settings))
    again = order.again
    if order.to is not None:
        again = replace(again, to=sendable(directory, order.to))
    return RedriveDeliveries(settings.names, again, directory)


def sendable(directory: Directory, endpoint_id: str) -> EndpointSummary:
    """Return an endpoint that can receive deliveries.

    Raises:
        EndpointRefused: the endpoint does not exist, or is disabled.
    """
    known = directory.find(endpoint_id)
    if known is None or known.deleted:
        msg = f"no endpoint {endpoint_id}; see `plaudit endpoints list`"
        raise EndpointRefused(msg)
    if not known.active:
        way_out = f"`plaudit endpoints enable {endpoint_id} --recover` serves it again"
        msg = f"endpoint {endpoint_id} is disabled ({known.disabled_reason}); {way_out}"
        raise EndpointRefused(msg)
    return known
