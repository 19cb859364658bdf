"""Which topics a relay leaves alone, and for how long."""

from __future__ import annotations

from plaudit.kafka.errors import KafkaUnavailable, NotAuthorized, TopicProblem
from plaudit.outbox.blocked_topics import TRY_AGAIN_S, BlockedTopics

DENIED = NotAuthorized("publish to forms", "no right to write", "TOPIC_AUTHORIZATION_FAILED")
AWAY = KafkaUnavailable("publish to spaces")
MISSING = TopicProblem("publish to customers", "it is missing")


class Time:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


def test_a_topic_is_logged_once_and_tried_again_after_a_while() -> None:
    time = Time()
    topics = BlockedTopics(time)
    assert topics.take({"forms": DENIED, "spaces": AWAY}) == ["forms"]
    assert topics.left_out() == ["forms"]
    time.now += TRY_AGAIN_S
    assert topics.left_out() == []
    assert topics.take({"forms": DENIED, "customers": MISSING}) == ["customers"]
    assert sorted(topics.left_out()) == ["customers", "forms"]


def test_a_topic_opens_after_a_write_and_its_next_failure_is_logged() -> None:
    topics = BlockedTopics(Time())
    topics.take({"forms": DENIED})
    assert topics.opened(["testimonials", "forms"]) == ["forms"]
    assert (topics.left_out(), topics.opened(["forms"])) == ([], [])
    assert topics.take({"forms": DENIED}) == ["forms"]
