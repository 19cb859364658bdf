"""Void runs, and the references of a measurement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Figure, Finding, Measured
from bench.honesty import Conditions, Ledger, judge
from bench.ledger import waiting
from bench.machine import allot
from bench.report import Report
from bench.scenarios.registry import SCENARIOS
from bench.targets import TARGETS, Target, Verdict
from bitmaps import metadata
from plaudit.kafka.read.lag import PartitionLag

counts = st.integers(0, 10_000)


@given(counts, counts, counts)
def test_a_ledger_balances_exactly_when_every_delivery_is_in_one_place(
    delivered: int, dead: int, left: int
) -> None:
    total = delivered + dead + left
    assert judge(Conditions(ledger=Ledger(total, delivered, dead, left))) == ()
    for wrong in (total - 1, total + 1):
        [reason] = judge(Conditions(ledger=Ledger(wrong, delivered, dead, left)))
        assert "do not add up" in reason


@given(st.sets(st.integers(0, 400)), st.integers(0, 50))
def test_records_that_the_commit_does_not_mark_as_done_are_waiting(
    done: set[int], extra: int
) -> None:
    first = next(offset for offset in range(402) if offset not in done)
    end = max([first, *(offset + 1 for offset in done)]) + extra
    lag = PartitionLag("t", 0, first, end, metadata(first, sorted(done)))
    assert waiting([lag]) == sum(offset not in done for offset in range(end))


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        (Conditions(arrived=99), "only 99 arrivals"),
        (Conditions(sink_share=0.95), "sink used 95%"),
        (Conditions(foreign_share=0.2), "others used 20%"),
        (Conditions(behind_ms=50), "50 ms behind"),
        (Conditions(exits=(0, 70)), "exit code 70"),
    ],
)
def test_a_void_run_has_a_reason(conditions: Conditions, reason: str) -> None:
    [said] = judge(conditions)
    assert reason in said


def test_a_run_under_good_conditions_counts() -> None:
    good = Conditions(100, 0.5, 0.02, 1.0, Ledger(10, 8, 1, 1), (0, 0))
    assert judge(good) == ()


def test_others_may_use_as_much_of_the_core_as_is_allowed() -> None:
    assert judge(Conditions(foreign_share=0.2), most_foreign=0.5) == ()


@pytest.mark.parametrize(
    ("available", "workers", "given_to", "rest"),
    [
        ([0, 1], 1, (1,), (0,)),
        ([0, 1], 2, (1, 0), (0,)),
        ([0, 1], 4, (1, 0, 1, 0), (0,)),
        ([0, 1, 2, 3], 2, (3, 2), (0, 1)),
        ([5], 1, (5,), (5,)),
    ],
)
def test_workers_are_pinned_to_cores_and_the_rest_keeps_one(
    available: list[int], workers: int, given_to: tuple[int, ...], rest: tuple[int, ...]
) -> None:
    cores = allot(available, workers)
    assert cores.workers == given_to
    assert cores.rest == rest


def test_only_a_worker_with_a_core_for_itself_can_be_disturbed_by_others() -> None:
    assert allot([0, 1], 2).alone(2) == {0: 1}
    assert allot([0, 1], 2).alone(1) == {0: 1}
    assert allot([5]).alone(1) == {}


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.79, Verdict.MET), (0.8, Verdict.MET), (0.81, Verdict.MISSED)]
)
def test_a_bound_belongs_to_its_target(value: float, verdict: Verdict) -> None:
    assert Target(most=0.8).judge(_figure(value)) is verdict


def test_a_void_figure_meets_no_target() -> None:
    assert Target(least=0).judge(_figure(1.0, ("noise",))) is Verdict.VOID


def test_every_target_belongs_to_a_scenario() -> None:
    assert {scenario for scenario, _ in TARGETS} <= set(SCENARIOS)


def test_a_report_lists_missed_bounds_and_void_runs() -> None:
    finding = Finding(
        (
            Figure("cpu_vs_aiohttp", "CPU", "x", (Measured(2.0),)),
            Figure("rate_vs_httpx", "rate", "x", (Measured(30.0, ("noise",)),)),
        )
    )
    report = Report({}, {"throughput": finding})
    assert [row.figure.key for row in report.missed] == ["cpu_vs_aiohttp"]
    assert report.void == {"throughput": ("noise",)}


def _figure(value: float, void: tuple[str, ...] = ()) -> Figure:
    return Figure("x", "", "", (Measured(value, void),))
