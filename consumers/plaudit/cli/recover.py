"""`plaudit endpoints enable --recover`: what an endpoint has missed, in one step."""

from __future__ import annotations

from plaudit.cli.dlq_runs import Manner, conclude
from plaudit.cli.output import fail, note
from plaudit.cli.progress import watched
from plaudit.cli.replay import run_replay
from plaudit.dlq.filters import Filter
from plaudit.dlq.gate import Limits
from plaudit.dlq.job import Order, redrive
from plaudit.dlq.progress import ReplayedBefore
from plaudit.dlq.replay import ReplayOrder
from plaudit.dlq.report import Report
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header
from plaudit.records.times import time_text
from plaudit.store.endpoints import StoredEndpoint
from plaudit.store.service import Written


def recover_endpoint(
    before: StoredEndpoint, now: Written, rate: float | None, *, as_json: bool
) -> None:
    """Send an endpoint's dead letters again, and the events of the time that it was disabled.

    Started again after a failure, it goes on where it was.

    Args:
        before: the endpoint as it was.
        now: as it is, served again.
        rate: records per second; None: as fast as deliverers keep up.
        as_json: print the reports as JSON.
    """
    if now.trouble is not None:
        fail("not recovered yet: deliverers have not heard of the endpoint; run this again")
    settings, endpoint = KafkaSettings(), before.endpoint_id
    manner = Manner(yes=True, dry_run=False, as_json=as_json, report=None)
    limits = Limits(rate=rate)
    mine = Filter(headers={Header.ENDPOINT_ID: frozenset({endpoint.encode()})})
    with watched("redriving") as control:
        done = [redrive(settings, Order(filter=mine, limits=limits), control)]
    if done[0].complete and not control.stopping:
        done += _missed(settings, before, now, limits, manner)
    conclude(done, manner)


def _missed(
    settings: KafkaSettings,
    before: StoredEndpoint,
    now: Written,
    limits: Limits,
    manner: Manner,
) -> list[Report]:
    """Replay the time that the endpoint was disabled; when it was, the topic may know as well."""
    since, until = "disabled", None
    if before.status != "active" and before.status_since is not None:
        since, until = time_text(before.status_since), time_text(now.endpoint.active_from)
    order = ReplayOrder(before.endpoint_id, since, until, limits=limits)
    try:
        return [run_replay(settings, order, manner)]
    except ReplayedBefore:
        note("what it missed was replayed before")
        return []
