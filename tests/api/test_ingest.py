"""Events over HTTP: what is answered 202 is in Kafka, as the Publisher would have written it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from httpx import Response

from api.conftest import Installation
from plaudit.api.middleware.body import MOST_BYTES
from plaudit.events.decoding import EventDecoder
from plaudit.events.entity import Entity
from plaudit.events.examples import example
from plaudit.kafka.errors import BufferFull, KafkaUnavailable
from plaudit.kafka.write.producer import Ack, SendFailure

pytestmark = pytest.mark.broker

TYPE = "testimonial.approved"


def event(api: Installation) -> dict[str, Any]:
    """Return an event of the installation's workspace, as JSON."""
    data: dict[str, Any] = json.loads(example(TYPE).model_dump_json())
    data["meta"] |= {"event_id": str(uuid.uuid4()), "workspace_id": api.workspace}
    return data


def post(api: Installation, body: object, **headers: str) -> Response:
    """Send a request."""
    sent = {**api.write, "content-type": "application/json", **headers}
    return api.client.post("/v1/events", headers=sent, content=json.dumps(body))


def found(api: Installation, count: int) -> dict[str, dict[str, str]]:
    """Return the headers of the events that are in Kafka, by event id."""
    read = {}
    topic = api.services.names.event_topic(Entity.TESTIMONIALS)
    for partition in range(4):
        for offset in range(count):
            record = api.services.reader.read(topic, partition, offset)
            if record is None:
                break
            decoded = EventDecoder().decode(record.value)
            read[decoded.event_id] = {name: value.decode() for name, value in record.headers}
    return read


def refused(response: Response, status: int, field: str | None) -> None:
    """Check that an answer is a problem document that names a field."""
    assert response.status_code == status, response.text
    assert response.json().get("field") == field, response.text


def test_accepted_events_are_in_kafka_for_every_request_format(api: Installation) -> None:
    one, two, three, four, five = (event(api) for _ in range(5))
    assert post(api, {"type": TYPE, "data": one}).status_code == 202
    many = post(api, [{"type": TYPE, "data": two, "source": "/crm"}, {"type": TYPE, "data": three}])
    assert many.json() == {
        "accepted": 2,
        "ids": [two["meta"]["event_id"], three["meta"]["event_id"]],
    }
    cloud = {"specversion": "1.0", "id": four["meta"].pop("event_id"), "source": "/cloud"}
    structured = post(
        api, {**cloud, "type": TYPE, "data": four},
        **{"content-type": "application/cloudevents+json; charset=utf-8"},
    )  # fmt: skip
    assert structured.status_code == 202, structured.text
    ce_id = five["meta"].pop("event_id")
    binary = post(
        api, five,
        **{"ce-id": ce_id, "ce-type": TYPE, "ce-source": "/binary", "ce-specversion": "1.0"},
    )  # fmt: skip
    assert binary.status_code == 202, binary.text
    written = found(api, 5)
    assert {name: each["ce_source"] for name, each in written.items()} == {
        one["meta"]["event_id"]: "/plaudit/api",
        two["meta"]["event_id"]: "/crm",
        three["meta"]["event_id"]: "/plaudit/api",
        cloud["id"]: "/cloud",
        ce_id: "/binary",
    }


def test_a_trace_comes_from_the_request_or_from_the_attributes_of_the_event(
    api: Installation,
) -> None:
    plain, cloud, binary, wrong = (event(api) for _ in range(4))
    parents = [f"00-{each * 32}-{each * 16}-01" for each in "abc"]
    headers = {"traceparent": parents[0], "tracestate": "vendor=1"}
    attributes = {"specversion": "1.0", "source": "/c", "type": TYPE}
    ids = [each["meta"]["event_id"] for each in (plain, cloud, binary, wrong)]
    own = {**attributes, "id": ids[1], "traceparent": parents[1], "data": cloud}
    as_cloud = {**headers, "content-type": "application/cloudevents+json"}
    ce = {f"ce-{name}": value for name, value in attributes.items()}
    traced = {"ce-id": ids[2], "ce-traceparent": parents[2], "ce-tracestate": "vendor=2"}
    answers = [
        post(api, {"type": TYPE, "data": plain}, **headers),
        post(api, own, **as_cloud),
        post(api, binary, **ce, **traced),
        post(api, {"type": TYPE, "data": wrong}, traceparent="00-nonsense", tracestate="a=1"),
    ]
    assert [each.status_code for each in answers] == [202] * 4, [each.text for each in answers]
    written = found(api, 5)
    got = [(written[each].get("traceparent"), written[each].get("tracestate")) for each in ids]
    assert got == [
        (parents[0], "vendor=1"),
        (parents[1], None),
        (parents[2], "vendor=2"),
        (None, None),
    ]


def test_several_events_are_published_only_if_all_are_valid(api: Installation) -> None:
    wrong = event(api)
    wrong["testimonial"]["rating"]["value"] = "many"
    answer = post(api, [{"type": TYPE, "data": event(api)}, {"type": TYPE, "data": wrong}])
    refused(answer, 422, "1.data.testimonial.rating.value")
    assert found(api, 5) == {}


def test_an_invalid_event_is_refused_with_its_field(api: Installation) -> None:
    good = event(api)
    other = event(api)
    other["meta"]["workspace_id"] = str(uuid.uuid4())
    refused(post(api, {"type": "no.such", "data": good}), 422, "type")
    refused(post(api, {"data": good}), 422, "type")
    refused(post(api, {"type": TYPE, "data": other}), 403, "data.meta.workspace_id")
    refused(post(api, {"type": TYPE, "data": good, "x": 1}), 422, "x")
    refused(post(api, {"type": TYPE, "data": good, "source": "a b"}), 422, "source")
    refused(post(api, {"type": TYPE, "data": good, "source": None}), 422, "source")
    refused(post(api, {"type": TYPE}), 422, "data")
    refused(post(api, []), 422, "body")
    refused(post(api, "x", **{"content-type": "text/plain"}), 415, "content-type")
    cloud = {"specversion": "1.0", "id": "x", "source": "/c", "type": TYPE, "data": good}
    as_cloud = {"content-type": "application/cloudevents+json"}
    refused(post(api, cloud, **as_cloud), 422, "id")
    refused(post(api, {**cloud, "specversion": "0.3"}, **as_cloud), 422, "specversion")
    refused(post(api, "x" * (MOST_BYTES + 1)), 413, None)
    assert post(api, {"type": TYPE, "data": good}, **api.read).status_code == 403
    assert found(api, 5) == {}


def test_a_202_needs_an_acknowledgement(api: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, on_ack: Any, **__: object) -> None:
        error = KafkaUnavailable("publish", "not now")
        outcome: Ack | SendFailure = SendFailure(error, retriable=True)
        on_ack(outcome)

    def full(*_: object, **__: object) -> None:
        doing = "publish"
        raise BufferFull(doing)

    for send in (fail, full):
        monkeypatch.setattr(api.services.outlet.producer, "send", send)
        answer = post(api, {"type": TYPE, "data": event(api)})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
