"""`plaudit endpoints enable --recover`: sends everything that an endpoint has missed."""

from __future__ import annotations

import time

from plaudit.cli.dlq.job_runner import RunOptions, conclude
from plaudit.cli.dlq.replay import run_replay
from plaudit.cli.ui.command_audit import record_command
from plaudit.cli.ui.output import fail, note
from plaudit.cli.ui.progress import watched
from plaudit.dlq.job.job import Order, redrive
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.throttle import JobLimits
from plaudit.dlq.letters.filters import LetterFilter
from plaudit.dlq.replay.checkpoint import ReplayedBefore
from plaudit.dlq.replay.choice import ReplayOrder
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header
from plaudit.records.times import time_text
from plaudit.store.endpoints.changes import WrittenEndpoint


def recover_endpoint(now: WrittenEndpoint, rate: float | None, *, as_json: bool) -> None:
    """Send an endpoint's dead letters again, and the events of the time that it was disabled.

    A recovery that failed resumes when it is started again.

    Args:
        now: the enabled endpoint, and since when it was disabled.
        rate: records per second; None means as fast as workers keep up.
        as_json: print the reports as JSON.
    """
    if now.trouble is not None:
        fail("not recovered yet: workers have not received the change yet; run this again")
    settings, endpoint = KafkaSettings(), now.endpoint.endpoint_id
    manner = RunOptions(yes=True, dry_run=False, as_json=as_json, report=None)
    limits = JobLimits(rate=rate)
    mine = LetterFilter(headers={Header.ENDPOINT_ID: frozenset({endpoint.encode()})})
    # By then every worker has read the change, and writes no more dead letters because of it.
    time.sleep(max(0.0, now.endpoint.active_from / 1_000 - time.time()))
    record_command("dead_letters.redriven", endpoint, now.endpoint.workspace_id)
    with watched("redriving") as control:
        done = [redrive(settings, Order(filter=mine, limits=limits), control)]
    if done[0].complete and not control.stopping:
        done += _missed(settings, now, limits, manner)
    conclude(done, manner)


def _missed(
    settings: KafkaSettings, now: WrittenEndpoint, limits: JobLimits, manner: RunOptions
) -> list[Report]:
    """Replay the events of the time that the endpoint was disabled.

    The topic of endpoints may know when it began.
    """
    since, until = "disabled", None
    if now.missed_since is not None:
        since, until = time_text(now.missed_since), time_text(now.endpoint.active_from)
    order = ReplayOrder(now.endpoint.endpoint_id, since, until, limits=limits)
    try:
        return [run_replay(settings, order, manner)]
    except ReplayedBefore:
        note("what it missed was replayed before")
        return []
