"""Dead letters are sent again exactly once each, whatever is killed, fenced or restarted."""

from __future__ import annotations

import signal

import pytest

from attempts import failed
from dlq.conftest import left, seed, sent
from dlq.generate import ENDPOINTS
from dlq.rig import QUICKLY_S, SOON_S, UNBOUND, end_of, growth, in_thread, start
from plaudit.bulk.control import Control
from plaudit.dlq.job.job import Order, redrive
from plaudit.dlq.job.rules import Skip
from plaudit.dlq.job.takeover import FENCED
from plaudit.dlq.job.throttle import JobLimits
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.records.attempt import encode_attempt
from waiting import until

pytestmark = pytest.mark.broker


def test_a_repeatedly_killed_job_sends_ten_thousand_letters_once_each(
    installation: KafkaSettings,
) -> None:
    seed(installation, 10_000)
    with growth(installation) as grown:
        for _ in range(3):
            before = grown()
            job = start(installation, "--rate", "4000")
            # At the very moment that deliveries are seen: were their tombstones not, this is it.
            until(lambda: grown() > before, every_s=QUICKLY_S)  # noqa: B023 - called at once
            job.kill()
            job.communicate()
            assert left(installation) > 0
    last = start(installation)
    _, said = last.communicate(timeout=SOON_S)
    assert last.returncode == 0, said
    deliveries = sent(installation)
    assert len(deliveries) == 10_000
    assert set(deliveries.values()) == {1}
    assert left(installation) == 0


def test_a_second_job_fences_the_first_which_reports_it_and_exits_1(
    installation: KafkaSettings,
) -> None:
    seed(installation, 3_000)
    first = start(installation, "--rate", "20")
    until(lambda: end_of(installation) > 0, every_s=QUICKLY_S)
    second = redrive(installation, Order(limits=UNBOUND), Control())
    _, said = first.communicate(timeout=SOON_S)
    assert first.returncode == 1
    assert FENCED in said
    assert "Traceback" not in said
    assert second.complete
    deliveries = sent(installation)
    assert (len(deliveries), set(deliveries.values()), left(installation)) == (3_000, {1}, 0)


def test_sigterm_ends_a_job_after_its_batch_and_the_next_one_continues(
    installation: KafkaSettings,
) -> None:
    seed(installation, 1_000)
    job = start(installation, "--rate", "200")
    until(lambda: end_of(installation) > 0, every_s=QUICKLY_S)
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=SOON_S)
    assert job.returncode == 1
    assert "SIGTERM" in said
    rest = left(installation)
    assert sent(installation).total() == 1_000 - rest > 0
    report = redrive(installation, Order(limits=UNBOUND), Control())
    assert (report.moved, report.complete) == (rest, True)
    assert sent(installation).total() == 1_000


def test_an_endpoint_that_keeps_failing_is_sent_nothing_more(installation: KafkaSettings) -> None:
    seed(installation, 400, ENDPOINTS[:2])
    order = Order(limits=JobLimits(rate=100, lag_cap=0, stop_after=5))
    _, thread, reports = in_thread(installation, order)
    until(lambda: end_of(installation) > 0, every_s=QUICKLY_S)
    with Producer(installation) as producer:
        for _ in range(5):
            line = encode_attempt(failed(endpoint_id=ENDPOINTS[0], trigger="REDRIVE"))
            topic = installation.names.attempts
            producer.publish(topic, line, ENDPOINTS[0].encode()).result(30)
    thread.join(SOON_S)
    [report] = reports
    assert report.stopped is not None
    assert ENDPOINTS[0] in report.stopped
    assert "5 failures in a row, status 503" in report.stopped
    assert report.moved >= 200, "the other endpoint got all of its letters"
    assert report.skipped[Skip.FAILING] == left(installation) == 400 - report.moved > 0


def test_bulk_waits_while_deliverers_are_behind(installation: KafkaSettings) -> None:
    seed(installation, 60)
    control, thread, reports = in_thread(installation, Order(limits=JobLimits(lag_cap=25)))
    until(lambda: sent(installation).total() >= 25, every_s=QUICKLY_S)
    thread.join(1.5)  # longer than it takes to look again
    assert sent(installation).total() == 25
    control.stop("the test")
    thread.join(SOON_S)
    assert "stopped by the test" in (reports[0].stopped or "")
    assert left(installation) == 35
