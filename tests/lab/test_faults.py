"""Nothing is lost, and nothing is repeated but what was in flight: a scenario for each fault."""

from __future__ import annotations

import pytest

from lab.outcome import Outcome
from lab.running import play
from lab.scenario import (
    EVERY_TOPIC,
    FOREVER,
    TOXICS,
    UNCOUNTED,
    AllServing,
    Behavior,
    Configure,
    Crew,
    Delivered,
    Freeze,
    Join,
    Kill,
    KillBroker,
    Later,
    Leave,
    Scenario,
    Serving,
    StartBrokers,
    Subscriber,
    Thaw,
    Traffic,
    Wedge,
)
from lab.stage import Place
from plaudit.transport.errors import FirstByteTimeout, TotalTimeout

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.timeout(240)]

GOOD = Subscriber("good")
FLAKY = Subscriber("flaky", Behavior(fails=1))
# It answers so late that its deliveries wait for one another; the quick ones beside it must not.
SLOW = Subscriber("slow", Behavior(after_s=0.2))
DEAD = Subscriber("dead", Behavior(fails=FOREVER))
LANES = 2
# Each event is failed once by one of them, in its way, and taken when it comes again; of the events
# of one type, one endpoint takes none at all.
TOXIC = tuple(Subscriber(toxic, Behavior(fails=1, one_in=4, failure=toxic)) for toxic in TOXICS)
HOPELESS = Subscriber("hopeless", Behavior(fails=FOREVER, failure="hang"), types=EVERY_TOPIC[-1:])
IMPATIENT = Crew(environment={"PLAUDIT_FIRST_BYTE_TIMEOUT": "1", "PLAUDIT_TOTAL_TIMEOUT": "1.5"})


def check(outcome: Outcome) -> None:
    """Fail with everything that is wrong."""
    assert not outcome.complaints, "\n".join(outcome.complaints)


def test_a_killed_worker_loses_nothing_and_repeats_only_uncommitted_records(
    place: Place,
) -> None:
    steps = ((AllServing(1), Kill(0)),)
    traffic = Traffic(1_200, 150, types=EVERY_TOPIC)
    scenario = Scenario("kill -9", traffic, (GOOD, SLOW, FLAKY, DEAD), steps=steps)
    outcome = play(scenario, place)
    check(outcome)
    [kill] = outcome.ledger.kills
    assert kill.uncommitted, "it was killed at work"


def test_a_worker_killed_among_toxic_endpoints_loses_nothing_and_repeats_what_was_not_committed(
    place: Place,
) -> None:
    """A request that hangs, breaks off or floods is retried on schedule, by any worker."""
    scenario = Scenario(
        "kill -9 among toxic endpoints",
        Traffic(120, 40, types=EVERY_TOPIC),
        (GOOD, HOPELESS, *TOXIC),
        (IMPATIENT, IMPATIENT),
        ((AllServing(1), Kill(0)),),
    )
    outcome = play(scenario, place)
    check(outcome)
    failed = [each for each in outcome.evidence.lines if each.outcome == "retrying"]
    names = {each.subscriber for each in failed}
    assert names - {GOOD.name} == {HOPELESS.name, *TOXICS}, "each has done its worst"
    # A second is short on a busy machine, also for the good one.
    reasons = {each.reason for each in failed if each.subscriber == GOOD.name}
    assert reasons <= {FirstByteTimeout.code, TotalTimeout.code}
    [kill] = outcome.ledger.kills
    assert kill.uncommitted, "it was killed at work"


def test_workers_that_join_and_leave_repeat_at_most_unfinished_records(place: Place) -> None:
    steps = (
        (Delivered(100), Join()),
        (Delivered(400), Leave(0)),
        (Delivered(800), Join()),
        (Later(1), Leave(1)),
    )
    crew = (Crew(),)
    outcome = play(
        Scenario("join, leave", Traffic(400, 40), (GOOD, SLOW, FLAKY), crew, steps), place
    )
    check(outcome)


@pytest.mark.nightly
def test_a_hanging_endpoint_while_workers_join_and_leave_repeats_nothing_for_the_others(
    place: Place,
) -> None:
    """An event is at an endpoint that hangs for longer than the grace, when its partition moves."""
    patient = Crew(environment={"PLAUDIT_FIRST_BYTE_TIMEOUT": "6", "PLAUDIT_TOTAL_TIMEOUT": "6"})
    steps = ((Delivered(60), Join(patient)), (AllServing(1), Leave(0)))
    hanging = Subscriber("hangs", Behavior(fails=1, one_in=5, failure="hang"))
    scenario = Scenario(
        "join, leave, hang",
        Traffic(200, 40),
        (GOOD, FLAKY, hanging),
        (patient,),
        steps,
        repetitions=UNCOUNTED,
    )
    outcome = play(scenario, place)
    check(outcome)
    assert not [each for each in outcome.ledger.unexplained if f"to {hanging.name}" not in each]
    assert any(each.reason == "evicted" for each in outcome.evidence.lines), "it was in flight"


def test_workers_with_the_newer_group_protocol_join_leave_and_name_the_brokers_time_out(
    place: Place,
) -> None:
    newer = Crew(environment={"PLAUDIT_KAFKA_GROUP_PROTOCOL": "consumer"})
    steps = ((Delivered(100), Join(newer)), (Serving(1, 1), Leave(0)))
    outcome = play(Scenario("KIP-848", Traffic(300, 40), (GOOD, FLAKY), (newer,), steps), place)
    check(outcome)
    assert [each["worker.session_by_broker"] for each in outcome.troubles] == [1, 1]


def test_a_worker_whose_event_loop_hangs_ends_and_the_others_take_over(place: Place) -> None:
    crew = (Crew(wedgeable=True), Crew())
    steps = ((AllServing(0.5), Wedge(0)),)
    scenario = Scenario(
        "a wedged worker",
        Traffic(500, 60, types=EVERY_TOPIC),
        (GOOD, FLAKY),
        crew,
        steps,
        exits={0: 70},
    )
    outcome = play(scenario, place)
    check(outcome)
    assert outcome.troubles[0]["worker.wedged"] == 1


def test_a_frozen_worker_that_wakes_after_its_session_continues_as_a_new_member(
    place: Place,
) -> None:
    steps = ((Delivered(100), Freeze(0)), (Later(9), Thaw(0)))
    scenario = Scenario(
        "a frozen worker", Traffic(600, 50), (GOOD, FLAKY), steps=steps, repetitions=UNCOUNTED
    )
    check(play(scenario, place))


def test_a_write_that_the_brokers_never_accept_becomes_a_dead_letter(place: Place) -> None:
    # A worker that finds the topic so at its start would not start.
    steps = ((Delivered(10), Configure("deliveries.1s", {"max.message.bytes": "20000"})),)
    traffic = Traffic(100, 30, padding=(0, 30_000))
    scenario = Scenario(
        "a refused write",
        traffic,
        (GOOD, FLAKY),
        (Crew(),),
        steps,
        ends={"flaky": frozenset({"write_refused"})},
    )
    outcome = play(scenario, place)
    check(outcome)
    refused = sum(each.reason == "write_refused" for each in outcome.evidence.letters)
    assert 10 < refused <= (len(outcome.evidence.published) + 1) // 2


def test_a_worker_whose_session_ends_in_an_outage_continues_where_it_was(
    own_place: Place,
) -> None:
    """No other worker could have had its partitions; it begins nothing meanwhile."""
    steps = ((Delivered(300), KillBroker()), (Later(9), StartBrokers()))
    scenario = Scenario("no broker", Traffic(800, 150), (GOOD, SLOW), (Crew(),), steps)
    outcome = play(scenario, own_place)
    check(outcome)
    [troubles] = outcome.troubles
    assert troubles["partitions.lost"] == LANES
    assert troubles["worker.paused"] == 1
