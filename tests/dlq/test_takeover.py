"""A job is run again after an outage, and ends when another job has taken over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plaudit.bulk.control import Control
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.takeover import FENCED, TAKEOVERS, run_over_outages
from plaudit.kafka.errors import Fenced, KafkaFailure, ProducerFatal, TransactionAborted


def runs_of(*failures: KafkaFailure) -> tuple[list[int], Callable[[], None]]:
    """Return the runs so far, and a run that fails in these ways, one after the other."""
    left, runs = list(failures), [0]

    def run() -> None:
        runs[0] += 1
        if left:
            raise left.pop(0)

    return runs, run


def report() -> Report:
    return Report("redrive", "events", 0, "")


def test_an_outage_during_a_transaction_costs_a_restart_and_no_more() -> None:
    runs, run = runs_of(*[ProducerFatal("commit")] * TAKEOVERS)
    run_over_outages(run, found := report(), Control())
    assert (runs[0], found.stopped) == (1 + TAKEOVERS, None)


def test_restarts_that_do_not_help_end() -> None:
    runs, run = runs_of(*[ProducerFatal("commit")] * (TAKEOVERS + 1))
    with pytest.raises(ProducerFatal):
        run_over_outages(run, report(), Control())
    assert runs[0] == 1 + TAKEOVERS


def test_a_job_that_was_fenced_leaves_the_work_to_the_other_one() -> None:
    runs, run = runs_of(Fenced("commit"))
    run_over_outages(run, found := report(), Control())
    assert (runs[0], found.stopped) == (1, FENCED)


def test_an_aborted_transaction_is_an_error_unless_the_job_was_stopped() -> None:
    control = Control()
    with pytest.raises(TransactionAborted):
        run_over_outages(runs_of(TransactionAborted("commit"))[1], report(), control)
    control.stop("SIGTERM")
    runs, run = runs_of(TransactionAborted("commit"))
    run_over_outages(run, report(), control)
    assert runs[0] == 1
