"""An endpoint that was away gets everything that it missed, in one step."""

from __future__ import annotations

import json

import pytest
import svix
from aiohttp import web
from standardwebhooks import Webhook

from command import CommandLine
from e2e.rig import Rig
from e2e.sink import Sink
from plaudit.dlq.letters.letter import Kind
from plaudit.dlq.letters.reader import count
from plaudit.formats.catalogue import FORMATS
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e]


class Switch:
    """A subscriber that fails until it is put right."""

    well = False

    async def __call__(self, _: web.Request, __: int) -> web.StreamResponse:
        return web.Response(status=200 if self.well else 503)


class Well(Switch):
    """A subscriber that accepts everything."""

    well = True


def run(rig: Rig, *arguments: str) -> str:
    """Run a command; return what it printed."""
    done = CommandLine(rig.settings, rig.environment)(*arguments)
    assert done.code == 0, done.err
    return done.out


def test_dead_letters_and_missed_events_arrive_once_each(rig: Rig, sink: Sink) -> None:
    subscriber = Switch()
    url = sink.on("mine", subscriber)
    endpoint = json.loads(
        run(rig, "endpoints", "add", url, "--workspace", rig.workspace, "--json")
    )["id"]
    worker = rig.worker()
    sink.wait_until(lambda: False, 2.5)  # its head start: events from before are not matched
    failed = rig.publish(3)
    rig.wait_dead(3)
    run(rig, "endpoints", "disable", endpoint)
    missed = rig.publish(4)
    subscriber.well = True
    reports = run(rig, "endpoints", "enable", endpoint, "--recover", "--json").splitlines()
    redriven, replayed = (json.loads(line) for line in reports[1:])
    assert (redriven["action"], redriven["moved"]) == ("redrive", 3)
    assert (replayed["action"], replayed["moved"]) == ("replay", 4)
    wanted = {*failed, *missed}
    assert sink.wait_until(lambda: sink.ids("mine").keys() >= wanted, PROMPTLY_S)
    assert sink.ids("mine") == dict.fromkeys(wanted, 1)
    marked = {
        each.message_id for each in sink.arrivals if each.headers.get("plaudit-replay") == "true"
    }
    assert marked == set(missed)
    assert count(rig.settings, Kind.DELIVERIES, 0).alive == 0
    entries = run(rig, "audit", "list", "--target", endpoint, "--json").splitlines()
    actions = [json.loads(line)["action"] for line in entries]
    assert actions[:3] == ["events.replayed", "dead_letters.redriven", "endpoint.updated"]
    again = run(rig, "endpoints", "enable", endpoint, "--recover", "--json").splitlines()
    assert [json.loads(line)["moved"] for line in again[1:]] == [0]
    assert rig.stop(worker) == 0


@pytest.mark.nightly
def test_every_format_is_redriven_and_replayed_with_the_body_that_it_had(
    rig: Rig, sink: Sink
) -> None:
    subscribers = {name: Switch() for name in FORMATS}
    ids = {
        name: rig.endpoint(sink.on(name, subscriber), format=name)
        for name, subscriber in subscribers.items()
    }
    worker = rig.worker()
    [event] = rig.publish(1)
    rig.wait_dead(len(ids))
    for subscriber in subscribers.values():
        subscriber.well = True
    run(rig, "dlq", "redrive", "--yes")
    assert sink.wait_until(lambda: all(sink.ids(name).total() == 1 for name in ids), PROMPTLY_S)
    for endpoint in ids.values():
        run(rig, "replay", endpoint, "--since", "1h", "--yes")
    assert sink.wait_until(lambda: all(sink.ids(name).total() == 2 for name in ids), PROMPTLY_S)
    for name, endpoint in ids.items():
        *failed, redriven, replayed = [each for each in sink.arrivals if each.path == f"/{name}"]
        assert failed
        assert {each.body for each in (*failed, redriven, replayed)} == {redriven.body}
        for each in (redriven, replayed):
            assert each.message_id == event
            svix.Webhook(rig.secrets[endpoint]).verify(each.body, each.headers)
            Webhook(rig.secrets[endpoint]).verify(each.body, each.headers)
        assert "plaudit-replay" not in redriven.headers
        assert replayed.headers["plaudit-replay"] == "true"
    assert rig.stop(worker) == 0


def ended(rig: Rig, outcome: str) -> set[str]:
    """Return the events of which a delivery has an attempt record with this outcome."""
    return {each["event_id"] for each in rig.attempts() if each["outcome"] == outcome}


@pytest.mark.nightly
@pytest.mark.timeout(240)
def test_every_event_has_an_end_though_its_endpoint_changed_before_it_was_read(
    rig: Rig, sink: Sink
) -> None:
    """No worker runs while events are published; the first one is killed with SIGKILL."""
    url = sink.on("mine", Switch())
    endpoint = json.loads(
        run(rig, "endpoints", "add", url, "--workspace", rig.workspace, "--json")
    )["id"]
    sink.wait_until(lambda: False, 2.5)  # its head start: events from before are not matched
    served = rig.publish(300)
    run(rig, "endpoints", "disable", endpoint)
    missed = rig.publish(50)
    killed = rig.worker()
    rig.wait_dead(1)
    killed.kill()
    killed.wait()
    worker = rig.worker()
    rig.wait_dead(300)
    dead = {each.headers["ce_id"] for each in rig.dead()}
    assert dead == set(served), "published before it was disabled: dead; after: left for a replay"
    assert not sink.ids("mine")
    subscriber = sink.on("mine", Well())
    assert subscriber == url
    run(rig, "endpoints", "enable", endpoint, "--recover")
    wanted = {*served, *missed}
    assert sink.wait_until(lambda: sink.ids("mine").keys() >= wanted, PROMPTLY_S)
    assert rig.stop(worker) == 0

    again = rig.publish(20)
    run(rig, "endpoints", "disable", endpoint)
    run(rig, "endpoints", "enable", endpoint)
    worker = rig.worker()
    assert sink.wait_until(lambda: sink.ids("mine").keys() >= set(again), PROMPTLY_S)
    assert rig.stop(worker) == 0

    deleted = rig.publish(20)
    run(rig, "endpoints", "remove", endpoint, "--yes")
    worker = rig.worker()
    assert sink.wait_until(lambda: ended(rig, "cancelled") == set(deleted), PROMPTLY_S)
    assert rig.stop(worker) == 0
