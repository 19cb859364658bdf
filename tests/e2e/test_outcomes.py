"""Answers of subscribers, and the end of each delivery."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product

import pytest
import svix
from standardwebhooks import Webhook

from e2e.rig import Rig
from e2e.sink import Sink, always, failing, good
from plaudit.deliver.pipeline.events import WIDE
from plaudit.formats.catalogue import SHAPES
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e]


def test_an_event_arrives_signed_so_that_the_official_libraries_verify_it(
    rig: Rig, sink: Sink
) -> None:
    endpoint = rig.endpoint(sink.on("good", good), private={"X-Tenant": "acme"})
    rig.worker()
    [event_id] = rig.publish(1)
    assert sink.wait_until(lambda: len(sink.arrivals) == 1, PROMPTLY_S)
    [arrival] = sink.arrivals
    body = Webhook(rig.secrets[endpoint]).verify(arrival.body, arrival.headers)
    svix.Webhook(rig.secrets[endpoint]).verify(arrival.body, arrival.headers)
    assert body == json.loads(arrival.body)
    assert set(body) == {"id", "type", "timestamp", "data"}
    assert body["id"] == event_id == arrival.message_id
    assert body["data"]["workspace_id"] == rig.workspace
    assert arrival.headers["content-type"] == "application/json"
    assert arrival.headers["user-agent"].startswith("plaudit/")
    assert arrival.headers["x-tenant"] == "acme"


def test_every_delivery_ends_where_its_answers_send_it(rig: Rig, sink: Sink) -> None:
    good_one = rig.endpoint(sink.on("good", good))
    flaky = rig.endpoint(sink.on("flaky", failing(1)))
    broken = rig.endpoint(sink.on("broken", always(500)))
    gone = rig.endpoint(sink.on("gone", always(410)))
    too_large = rig.endpoint(sink.on("large", always(413)))
    moved = rig.endpoint(sink.on("moved", always(302, Location="http://127.0.0.1:1/")))
    rig.endpoint(sink.on("picky", good), event_types=["testimonial.published"])
    worker = rig.worker()
    ids = set(rig.publish(20))
    done = [f"/{name}" for name in ("good", "flaky")]
    assert sink.wait_until(lambda: all(set(sink.ids(name[1:])) == ids for name in done), PROMPTLY_S)
    rig.wait_dead(4 * len(ids))
    assert rig.stop(worker) == 0
    assert not sink.ids("picky")
    assert sink.ids("good").total() == len(ids)
    reasons = {
        (dead.headers["plaudit-endpoint-id"], dead.headers["plaudit-reason"]) for dead in rig.dead()
    }
    assert reasons <= {
        (broken, "exhausted"),
        (gone, "gone"),
        (gone, "endpoint_disabled"),
        (too_large, "rejected"),
        (moved, "exhausted"),
    }
    assert {endpoint for endpoint, _ in reasons} == {broken, gone, too_large, moved}
    assert sink.ids("broken", 500) == dict.fromkeys(ids, 3), "one attempt and two retries"
    outcomes = {(each["endpoint_id"], each["outcome"]) for each in rig.attempts()}
    assert (good_one, "delivered") in outcomes
    assert {(flaky, "retrying"), (flaky, "delivered")} <= outcomes


def test_every_format_arrives_signed_also_when_it_is_tried_again(rig: Rig, sink: Sink) -> None:
    forms = {name: rig.endpoint(sink.on(name, failing(1)), format=name) for name in SHAPES}
    rig.endpoint(sink.on("standard", failing(1)))
    gone = rig.endpoint(sink.on("no_service", always(404)), format="slack")
    rig.worker()
    [event_id] = rig.publish(1)
    assert sink.wait_until(lambda: len(sink.arrivals) == 2 * (len(forms) + 1) + 1, PROMPTLY_S)
    for name, endpoint in forms.items():
        first, second = [each for each in sink.arrivals if each.path == f"/{name}"]
        assert first.body == second.body
        assert first.headers["content-type"] == SHAPES[name].content_type.decode()
        for each in (first, second):
            svix.Webhook(rig.secrets[endpoint]).verify(each.body, each.headers)
            assert each.message_id == event_id
    binary = next(each for each in sink.arrivals if each.path == "/cloudevents-binary")
    assert (binary.headers["ce-id"], binary.headers["ce-type"]) == (
        event_id,
        "testimonial.approved",
    )
    assert binary.headers["ce-source"] == "/plaudit/publisher"
    rig.wait_dead(1)
    [dead] = rig.dead()
    assert (dead.headers["plaudit-endpoint-id"], dead.headers["plaudit-reason"]) == (gone, "gone")


def test_an_event_of_very_many_subscribers_arrives_once_at_each(rig: Rig, sink: Sink) -> None:
    """It goes through `deliveries.now`, and its offset is committed before they are delivered."""
    url = sink.on("all", good)
    for number in range(WIDE + 1):
        rig.endpoint(url, private={"X-To": str(number)})
    worker = rig.worker()
    ids = rig.publish(3)
    due = len(ids) * (WIDE + 1)
    assert sink.wait_until(lambda: len(sink.arrivals) >= due, PROMPTLY_S)
    assert rig.stop(worker) == 0
    found = Counter((each.message_id, int(each.headers["x-to"])) for each in sink.arrivals)
    assert found == Counter(product(ids, range(WIDE + 1)))
    lines = rig.attempts()
    assert len(lines) == due
    assert {each["origin_topic"] for each in lines} == {rig.settings.names.event_topics[0]}
