"""The ledger must be able to fail: each broken promise is noticed, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.evidence import Accepted, Arrival, Committed, Evidence, Killed, Letter, Line, Waiting
from lab.ledger import judge
from plaudit.kafka.read.consumer import Partition

EVENTS = Partition("events", 0)
TIER = Partition("deliveries.1s", 0)
BODY, OTHER = b"body", b"other"
DEAD, ALIVE = 11, 12


def arrival(at_ms: int, status: int = 200, name: str = "good", event: str = "e1") -> Arrival:
    return Arrival(name, event, at_ms, status, BODY, "")


def line(number: int, outcome: str, at_ms: int, worker: int = ALIVE) -> Line:
    trigger = "event" if number == 1 else "retry"
    return Line("good", "e1", number, outcome, trigger, at_ms, worker, EVENTS)


def evidence() -> Evidence:
    """One event for one subscriber, who failed it once, and took it a second later."""
    return Evidence(
        published=frozenset({"e1"}),
        accepted={"e1": Accepted("a.b", EVENTS, 7, 1_000, BODY)},
        arrivals=[arrival(1_010, 500), arrival(2_030)],
        lines=[line(1, "retrying", 1_005), line(2, "delivered", 2_025)],
        waiting=[Waiting("good", "e1", 1, 0, TIER, 3, 2_020)],
        letters=[],
        kills=(),
        wanted={"good": frozenset()},
        ends={"good": frozenset({"delivered"})},
    )


def killed(at_ms: int, place: Committed | None, partition: Partition = EVENTS) -> Killed:
    return Killed(at_ms, DEAD, {partition: place})


def names(given: Evidence) -> set[str]:
    """Return which lists of complaints are not empty."""
    return {complaint.split(":")[0].split(" ")[1] for complaint in judge(given).complaints()}


def test_a_delivery_that_was_retried_in_time_breaks_no_promise() -> None:
    ledger = judge(evidence())
    assert ledger.complaints() == []
    assert (ledger.due, ledger.delivered, ledger.doubled) == (1, 1, 0)
    assert ledger.late is not None
    assert ledger.late.most == 5


def test_a_delivery_that_never_arrived_is_lost() -> None:
    assert names(replace(evidence(), arrivals=[arrival(1_010, 500)], lines=[])) >= {"lost"}


def test_a_subscriber_that_always_fails_is_owed_a_dead_letter() -> None:
    given = replace(evidence(), ends={"good": frozenset({"exhausted"})})
    assert names(given) == {"lost"}
    letter = Letter("good", "e1", "exhausted")
    lines = [line(1, "retrying", 1_005), line(2, "dead", 2_025), line(2, "delivered", 2_025)]
    assert names(replace(given, letters=[letter], lines=lines)) == set()


def test_a_dead_letter_for_another_reason_is_wrong() -> None:
    assert "wrong" in names(replace(evidence(), letters=[Letter("good", "e1", "expired")]))


@pytest.mark.parametrize(
    "strange",
    [
        arrival(2_030)._replace(wrong="signature"),
        arrival(2_030)._replace(digest=OTHER),
        arrival(2_030, event="e2"),
    ],
    ids=["signature", "body", "nobody published it"],
)
def test_a_malformed_request_is_wrong(strange: Arrival) -> None:
    given = evidence()
    assert "wrong" in names(replace(given, arrivals=[given.arrivals[0], strange]))


def test_a_request_to_an_endpoint_that_does_not_want_it_is_wrong() -> None:
    assert "wrong" in names(replace(evidence(), wanted={"good": frozenset({"c.d"})}))


def test_an_attempt_before_its_tier_ends_is_early_by_line_and_by_arrival() -> None:
    given = evidence()
    lines = [line(1, "retrying", 1_005), line(2, "delivered", 2_019)]
    assert names(replace(given, lines=lines)) == {"early"}
    assert names(replace(given, arrivals=[arrival(1_010, 500), arrival(2_019)])) == {"early"}


def test_a_repetition_of_a_long_request_is_not_a_retry_that_came_early() -> None:
    given = evidence()
    lines = [line(1, "retrying", 1_005), line(1, "retrying", 1_015), line(2, "delivered", 2_025)]
    arrivals = [arrival(1_010, 500), arrival(1_020, 500), arrival(2_040)]
    waiting = [*given.waiting, given.waiting[0]._replace(attempts=2, due_ms=2_030)]
    given = replace(given, lines=lines, arrivals=arrivals, waiting=waiting)
    assert "early" not in names(given)
    once = [line(1, "retrying", 1_005), line(2, "retrying", 2_025), line(3, "delivered", 2_035)]
    assert "early" in names(replace(given, lines=once))


@pytest.mark.parametrize("missing", [0, 1], ids=["the retry", "the delivery"])
def test_a_settled_delivery_without_an_attempt_record_is_noticed(missing: int) -> None:
    given = evidence()
    lines = [each for number, each in enumerate(given.lines) if number != missing]
    assert names(replace(given, lines=lines)) == {"unrecorded"}


@pytest.mark.parametrize(("committed", "excused"), [(7, True), (8, False)])
def test_a_retry_without_its_line_is_excused_by_a_kill_before_its_origin_was_committed(
    committed: int, *, excused: bool
) -> None:
    given = evidence()
    lines = [line(1, "delivered", 2_500), line(2, "delivered", 2_025)]
    kills = (killed(1_500, Committed(committed)),)
    ledger = judge(replace(given, lines=lines, kills=kills))
    assert bool(ledger.unrecorded) is not excused


def doubled(kill: Killed | None) -> Evidence:
    """Return the evidence of a first attempt that was made twice, at 1,010 and at 8,000."""
    given = evidence()
    arrivals = [*given.arrivals, arrival(8_000)]
    return replace(given, arrivals=arrivals, kills=(kill,) if kill else ())


def test_a_repetition_that_no_kill_explains_is_noticed() -> None:
    assert names(doubled(None)) == {"unexplained"}
    assert judge(doubled(None)).complaints(repetitions=1) == []


@pytest.mark.parametrize(
    ("kill", "explains"),
    [
        (killed(1_500, Committed(7)), True),
        (killed(1_500, None), True),
        (killed(1_500, Committed(5, frozenset({7}))), False),
        (killed(1_500, Committed(8)), False),
        (killed(1_500, None, Partition("events", 1)), False),
        (killed(9_000, Committed(7)), False),
    ],
    ids=["open", "never committed", "in the bitmap", "committed", "another's", "too late"],
)
def test_a_kill_explains_repetitions_of_uncommitted_records(
    kill: Killed, *, explains: bool
) -> None:
    ledger = judge(doubled(kill))
    assert ledger.doubled == 1
    assert bool(ledger.unexplained) is not explains
    assert ledger.kills[0].doubled == explains


@pytest.mark.parametrize("has_line", [True, False])
@pytest.mark.parametrize(("diverted_at_ms", "explains"), [(1_400, True), (1_600, False)])
def test_a_diversion_that_was_not_committed_explains_two_attempts(
    diverted_at_ms: int, *, explains: bool, has_line: bool
) -> None:
    """The one from the record that was diverted, the other from the record that it became."""
    diverted = Waiting("good", "e1", 0, 1, TIER, 2, diverted_at_ms + 1_000, diverted_at_ms)
    diversion = [line(0, "diverted", diverted_at_ms, DEAD)] if has_line else []
    given = replace(
        evidence(),
        arrivals=[arrival(8_000), arrival(8_010)],
        lines=[*diversion, line(1, "delivered", 8_000)],
        waiting=[diverted],
        kills=(killed(1_500, Committed(7)),),
    )
    ledger = judge(given)
    assert ledger.doubled == 1
    assert bool(ledger.unexplained) is not explains


def test_the_time_to_recover_runs_until_others_deliver_from_every_partition() -> None:
    other = Partition("events", 1)
    kill = Killed(1_500, DEAD, {EVENTS: None, other: None})
    lines = [
        line(1, "delivered", 1_600, DEAD),
        line(1, "delivered", 6_500),
        line(1, "delivered", 7_000),
        line(1, "delivered", 8_250)._replace(origin=other),
    ]
    [figures] = judge(replace(evidence(), lines=lines, kills=(kill,))).kills
    assert (figures.first_s, figures.all_s) == (5.0, 6.75)
