"""Upkeep of a pipeline: periodic tasks, and tasks of a rebalance."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from plaudit.deliver.isolation.endpoint_state import InFlight
from plaudit.deliver.isolation.head_of_line import Evicted, Relief, relief
from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Lost, Stage, defect_of
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.pipeline.pipeline import Pipeline
from plaudit.deliver.pipeline.settlement import fail


def update_endpoints(pipeline: Pipeline) -> None:
    """Update the state of every endpoint, and attempt the deliveries that are admitted now."""
    pipeline.proceed(pipeline.admission.update())


def relieve(pipeline: Pipeline, assignments: Sequence[Assignment], fill: float) -> Relief:
    """Divert and evict the deliveries that keep a window, or the lane, full.

    Args:
        pipeline: the lane's pipeline.
        assignments: partitions that the lane holds.
        fill: used share of the lane's capacity.
    """
    found = relief(pipeline.admission, assignments, fill, time.monotonic())
    pipeline.proceed(found.diverted)
    for flight in found.evicted:
        evict(pipeline, flight)
    return found


def evict(pipeline: Pipeline, flight: InFlight) -> None:
    """Cancel an attempt for which others wait; its outcome is `Evicted`."""
    if flight.exchange is not None and not flight.evicted:
        flight.evicted = True
        pipeline.admission.evicted(flight)
        flight.exchange.cancel(Evicted.after(time.monotonic() - flight.began_s))


def end_lost(pipeline: Pipeline, before_s: float) -> None:
    """End attempts without an outcome, which a defect has lost.

    Args:
        pipeline: the lane's pipeline.
        before_s: monotonic seconds; an attempt that began earlier has exceeded every time-out.
    """
    for flight in pipeline.admission.queues.flights:
        if flight.began_s < before_s:
            _end_lost(pipeline, flight)


def _end_lost(pipeline: Pipeline, flight: InFlight) -> None:
    lane, record, lost = (
        pipeline.lane,
        flight.delivery.record,
        Lost("an attempt without an outcome"),
    )
    try:
        if flight.exchange is not None:
            flight.exchange.cancel(defect_of(lost))
    except Exception as error:  # noqa: BLE001 - the attempt ends regardless
        lane.defects.note(Stage.LOST, error, record)
    if flight.ended:
        lane.defects.note(Stage.LOST, lost, record)
    else:
        flight.ended, flight.exchange = True, None
        attempted = Attempted(defect_of(lost), flight.started_ms)
        fail(lane, flight.delivery, Stage.LOST, lost, attempted)
    pipeline.admission.queues.free(flight)


def leave(pipeline: Pipeline, assignments: Collection[Assignment]) -> None:
    """Stop processing partitions that the group takes away.

    Waiting deliveries are dropped, and the next owner reads their records again. If other
    deliveries of the same record have begun, the waiting ones are diverted instead, so that the
    others are not repeated.
    """
    leaving = set(assignments)
    shared = pipeline.admission.divert_waiting(
        lambda each: each.record.deliveries > 1 and each.record.assignment in leaving,
        worker_bound=True,
        reason=Reason.REBALANCE,
    )
    pipeline.proceed(shared)
    for assignment in leaving:
        assignment.active = False


def divert_rest(pipeline: Pipeline, assignments: Collection[Assignment]) -> None:
    """Divert the waiting deliveries of partly begun records.

    Another owner of the partition would deliver such a record again as a whole.
    """
    held, begun = set(assignments), pipeline.admission.queues.begun_in_part
    rest = pipeline.admission.divert_waiting(
        lambda each: each.record in begun and each.record.assignment in held,
        worker_bound=True,
        reason=Reason.REBALANCE,
    )
    pipeline.proceed(rest)


def evict_hanging(pipeline: Pipeline, records: Collection[Record]) -> None:
    """Evict the attempts of records whose partitions may move, so that they are retried."""
    hanging = set(records)
    for flight in pipeline.admission.queues.flights:
        if flight.delivery.record in hanging:
            evict(pipeline, flight)
