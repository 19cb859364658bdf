"""Commands for deliveries: list, show, try again, trace; on the command line."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import sqlalchemy as sa

from command import CommandLine
from e2e.rig import Rig
from e2e.sink import Sink, failing, good
from plaudit.store.db.database import open_database
from waiting import PROMPTLY_S, until

pytestmark = [pytest.mark.broker, pytest.mark.e2e]


def run(rig: Rig, *arguments: str, code: int = 0) -> str:
    """Run a command of the installation; return what it printed."""
    done = CommandLine(rig.settings, rig.environment)(*arguments)
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    return done.out if code == 0 else done.err


def lines(rig: Rig, *arguments: str) -> list[dict[str, Any]]:
    """Run a command that prints JSON lines."""
    return [json.loads(line) for line in run(rig, *arguments, "--json").splitlines()]


@pytest.fixture
def running(rig: Rig) -> Rig:
    """An installation that delivers and records."""
    rig.worker()
    rig.process("record")
    return rig


def test_a_delivery_is_listed_shown_traced_and_tried_again(running: Rig, sink: Sink) -> None:
    rig = running
    added = lines(
        rig, "endpoints", "add", sink.on("hook", failing(1)), "--workspace", rig.workspace,
        "--name", "crm",
    )  # fmt: skip
    lines(
        rig, "endpoints", "add", sink.on("other", good), "--workspace", rig.workspace,
        "--types", "form.completed",
    )  # fmt: skip
    time.sleep(2.5)  # an endpoint is served from two seconds after it was accepted
    [event_id] = rig.publish(1)

    def delivered() -> bool:
        return bool(lines(rig, "deliveries", "list", "--state", "delivered"))

    until(delivered, every_s=0.3)
    [delivery] = lines(rig, "deliveries", "list")
    assert (delivery["event_id"], delivery["endpoint_id"]) == (event_id, added[0]["id"])
    [shown] = lines(rig, "deliveries", "show", delivery["id"])
    assert [each["outcome"] for each in shown["attempts"]] == ["retrying", "delivered"]
    assert shown["attempts"][0]["status"] == 500
    assert delivery["id"] in run(rig, "deliveries", "show", delivery["id"][:8])
    assert lines(rig, "deliveries", "list", "--endpoint", "crm") == [delivery]
    [listed] = run(rig, "deliveries", "list").splitlines()
    assert listed.split("\t")[:2] == [delivery["id"], "crm"]

    run(rig, "deliveries", "retry", delivery["id"])
    run(rig, "deliveries", "retry", "--event", event_id)  # delivered: left out
    run(rig, "deliveries", "retry", "--event", event_id, "--state", "delivered")
    assert sink.wait_until(lambda: sink.ids("hook")[event_id] == 3, PROMPTLY_S)
    until(
        lambda: len(lines(rig, "deliveries", "show", delivery["id"])[0]["attempts"]) == 4,
        every_s=0.3,
    )
    [shown] = lines(rig, "deliveries", "show", delivery["id"])
    assert [each["trigger"] for each in shown["attempts"][2:]] == ["manual", "manual"]

    [doing] = lines(rig, "endpoints", "health", "crm")
    assert (doing["delivered"], doing["failed"], doing["failure_streak"]) == (3, 1, 0)
    some = ["endpoint.failing", "job.completed"]
    [told] = lines(rig, "endpoints", "notify", added[0]["id"], "--types", ",".join(some))
    assert (told["notify_endpoint_id"], told["notify_types"]) == (added[0]["id"], some)

    [traced] = lines(rig, "trace", event_id)
    assert traced["published_at"]
    sent, unwanted = sorted(traced["endpoints"], key=lambda each: each["state"] is None)
    assert (sent["name"], sent["state"], len(sent["attempts"])) == ("crm", "delivered", 4)
    assert "form.completed" in unwanted["not_sent_because"]
    assert lines(rig, "trace", traced["subject"]) == [traced]
    assert lines(rig, "trace", delivery["id"][:8]) == [traced]
    assert "not sent: it subscribes only to form.completed" in run(rig, "trace", event_id)


def test_a_manual_retry_of_a_dead_letter_removes_it(running: Rig, sink: Sink) -> None:
    rig = running
    lines(rig, "endpoints", "add", sink.on("hook", failing(3)), "--workspace", rig.workspace)
    time.sleep(2.5)
    [event_id] = rig.publish(1)
    until(lambda: bool(lines(rig, "deliveries", "list", "--state", "dead")), every_s=0.3)
    [delivery] = lines(rig, "deliveries", "list")
    run(rig, "deliveries", "retry", delivery["id"])
    assert sink.wait_until(lambda: sink.ids("hook")[event_id] == 1, PROMPTLY_S)
    assert lines(rig, "dlq", "list") == []
    until(lambda: bool(lines(rig, "deliveries", "list", "--state", "delivered")), every_s=0.3)
    engine = open_database(rig.database)
    with engine.begin() as connection:  # as if the recorder were behind
        connection.execute(sa.text("DELETE FROM attempts WHERE outcome = 'delivered'"))
    engine.dispose()
    assert "its dead letter is gone" in run(rig, "deliveries", "retry", delivery["id"], code=2)


def test_an_event_without_endpoints_is_traced_with_the_reason(rig: Rig, sink: Sink) -> None:
    [event_id] = rig.publish(1, "form.completed")
    [alone] = lines(rig, "trace", event_id)
    assert (alone["event_type"], alone["endpoints"]) == ("form.completed", [])
    assert "no endpoints" in alone["problem"]
    url = sink.on("hook", good)
    lines(rig, "endpoints", "add", url, "--workspace", rig.workspace, "--types", "import.completed")
    [traced] = lines(rig, "trace", alone["subject"], "--since", "1h")
    assert traced["event_id"] == event_id
    [course] = traced["endpoints"]
    assert "before the endpoint was served" in course["not_sent_because"]
    assert "add the time to search from" in run(rig, "trace", alone["subject"], code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("deliveries", "show", "nonsense"), "delivery 'nonsense' does not exist"),
        (("deliveries", "list", "--columns", "stat"), "did you mean state?"),
        (("deliveries", "list", "--endpoint", "crn"), "endpoint 'crn' does not exist"),
        (("endpoints", "update", "crm"), "nothing to change"),
        (("keys", "revoke", "abcd"), "key 'abcd' does not exist"),
        (("deliveries", "show", "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"), "no delivery"),
        (("deliveries", "retry"), "name a delivery"),
        (("deliveries", "retry", "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"), "no delivery"),
        (("deliveries", "list", "--since", "soon"), "--since"),
        (("deliveries", "list", "--cursor", "x"), "cursor"),
        (("trace", "nonsense"), "event 'nonsense' does not exist"),
    ],
)
def test_an_impossible_value_is_reported_in_one_line(
    rig: Rig, arguments: tuple[str, ...], said: str
) -> None:
    assert said in run(rig, *arguments, code=2)
