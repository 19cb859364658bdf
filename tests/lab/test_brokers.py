"""Brokers are lost, stopped and back, and leaders move, in the middle of everything."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaException

from lab.running import play
from lab.scenario import (
    FOREVER,
    UNCOUNTED,
    Behavior,
    Delivered,
    FillDisk,
    Join,
    Kill,
    Later,
    Scenario,
    StartBrokers,
    StopBroker,
    Subscriber,
    Traffic,
)
from lab.stage import Place
from plaudit.kafka.read.topic_watch import Describe, topic_describer
from waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.timeout(300)]

SUBSCRIBERS = (
    Subscriber("good"),
    Subscriber("flaky", Behavior(fails=1)),
    Subscriber("dead", Behavior(fails=FOREVER)),
)


def test_dead_full_or_stopped_brokers_and_moving_leaders_lose_nothing(
    cluster_place: Place,
) -> None:
    steps = (
        (Delivered(100), FillDisk(1)),
        (Later(5), StartBrokers()),
        # Its leaders and coordinators move to the others in order, and back when it has returned.
        (Later(2), StopBroker(2)),
        (Later(2), StartBrokers()),
        # A worker dies while the others still find their places again.
        (Later(3), Kill(0)),
        (Later(0), Join()),
    )
    scenario = Scenario(
        "broker losses",
        Traffic(400, 20),
        SUBSCRIBERS,
        steps=steps,
        within_s=150,
        repetitions=UNCOUNTED,
    )
    outcome = play(scenario, cluster_place)
    assert not outcome.complaints, "\n".join(outcome.complaints)
    for number, troubles in enumerate(outcome.troubles):
        assert troubles.total() < 60, f"worker {number}: {troubles}"


# A client sends such queries to the broker that it takes for the controller.
@pytest.mark.nightly
def test_queries_about_topics_are_answered_while_any_one_broker_is_away(
    cluster_place: Place,
) -> None:
    assert cluster_place.cluster is not None
    topic = cluster_place.settings.names.attempts
    describe = topic_describer(cluster_place.settings)
    until(lambda: is_answered(describe, topic), "the first query is answered")
    for node in cluster_place.cluster.nodes:
        node.stop()
        until(lambda: is_answered(describe, topic), "a query is answered", within_s=30)
        cluster_place.cluster.start()


def is_answered(describe: Describe, topic: str) -> bool:
    try:
        return bool(describe([topic])[topic].result().topic_id)
    except KafkaException:
        return False
