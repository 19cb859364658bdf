"""Bad input ends where the design says, and the pipeline continues."""

from __future__ import annotations

import io
import json
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fastavro
import pytest
import trustme

from e2e.rig import Rig
from e2e.sink import Sink, always, endless, good, hanging, trickling
from plaudit.events import models
from plaudit.events.avro.fingerprint import fingerprint
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.encoding import encode
from plaudit.kafka.schemas import topic as schemas_topic
from plaudit.kafka.write.producer import Producer
from plaudit.publish import EventTooLarge, Publisher
from plaudit.publish.prepare import MOST_BYTES
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e]


def test_bytes_that_are_not_an_event_become_dead_letters_and_the_rest_is_delivered(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("good", good))
    topic = rig.settings.names.event_topics[0]
    value = encode(rig.event())
    bad = {
        "truncated": value[:-3],
        "unknown_format": b"\x07" + value[1:],
        "no_value": None,
        "trailing_bytes": value + b"!",
        "corrupt": value[:10] + b"\xff" * 12 + value[22:],
    }
    for reason, each in bad.items():
        rig.write(topic, b"key", each, [("ce_id", reason.encode())])
    ids = set(rig.publish(5))
    worker = rig.worker()
    assert sink.wait_until(lambda: sink.ids("good").keys() >= ids, PROMPTLY_S)
    rig.wait_dead(len(bad), events=True)
    assert rig.stop(worker) == 0
    letters = {each.headers["ce_id"]: each for each in rig.dead(events=True)}
    assert {name: each.headers["plaudit-reason"] for name, each in letters.items()} == {
        name: name for name in bad
    }
    for name, each in bad.items():
        letter = letters[name]
        assert letter.value == (each or b""), "the bytes are kept as they were"
        parts = ("topic", "partition", "offset", "timestamp")
        origin = [letter.headers[f"plaudit-origin-{part}"] for part in parts]
        assert letter.key == ":".join(origin)
        assert letter.headers["plaudit-origin-key"] == "key"


def newer_writer(rig: Rig) -> tuple[dict[str, Any], bytes, str]:
    """Return a schema that this release does not know, an event written with it, and its id."""
    schema = json.loads(CATALOGUE["testimonial.deleted"].schema_json)
    schema["fields"].append({"name": "undone_until", "type": ["null", "string"], "default": None})
    event = rig.event("testimonial.deleted")
    out = io.BytesIO()
    out.write(b"\xc3\x01" + fingerprint(schema))
    parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
    fastavro.schemaless_writer(out, parsed, {**event.model_dump(), "undone_until": "tomorrow"})
    return schema, out.getvalue(), str(event.meta.event_id)


def test_a_partition_is_blocked_until_its_schema_is_known(rig: Rig, sink: Sink) -> None:
    rig.endpoint(sink.on("good", good))
    schema, value, event_id = newer_writer(rig)
    worker = rig.worker()
    rig.write(rig.settings.names.event_topics[0], b"key", value)
    ids = set(rig.publish(20, "form.completed"))
    assert sink.wait_until(lambda: sink.ids("good").keys() >= ids, PROMPTLY_S), "others go on"
    assert event_id not in sink.ids("good")
    with Producer(rig.settings) as producer:
        schemas_topic.register(producer, rig.settings.names.schemas, [json.dumps(schema)])
    assert sink.wait_until(lambda: event_id in sink.ids("good"), PROMPTLY_S)
    assert rig.stop(worker) == 0
    assert not rig.dead(events=True)
    waited = rig.logged("partition.blocked")[-1]
    assert "plaudit schemas register" in waited["reason"]


def test_a_delivery_without_its_headers_is_a_dead_letter_of_the_events_kind(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("good", good))
    rig.write(rig.settings.names.deliveries_now, b"key", encode(rig.event()))
    worker = rig.worker()
    rig.wait_dead(1, events=True)
    assert rig.stop(worker) == 0
    [letter] = rig.dead(events=True)
    assert letter.headers["plaudit-reason"] == "headers_unusable"
    assert "plaudit-endpoint-id" in letter.headers["plaudit-last-error"]


def tagged(rig: Rig, size: int) -> Any:
    """Return an event whose Avro form has about that many bytes."""
    event = rig.event()
    assert isinstance(event, models.TestimonialApproved)
    tags = tuple("t" * 1_000 for _ in range(size // 1_002))
    return event.model_copy(
        update={"testimonial": event.testimonial.model_copy(update={"tags": tags})}
    )


def test_events_up_to_the_limit_pass_through_every_topic_and_larger_ones_are_refused(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("good", good))
    rig.endpoint(sink.on("broken", always(500)))
    with Publisher(rig.settings) as publisher:
        with pytest.raises(EventTooLarge, match="524,288 are allowed"):
            publisher.publish(tagged(rig, MOST_BYTES + 2_000))
        publisher.publish(tagged(rig, MOST_BYTES - 3_000)).result(30)
    # A foreign producer may fill an event topic's limit; a retry adds headers to it.
    raw = encode(tagged(rig, 1_040_000))
    assert len(raw) < 1024 * 1024 - 1_000
    rig.write(rig.settings.names.event_topics[0], b"key", raw)
    worker = rig.worker()
    assert sink.wait_until(lambda: len(sink.ids("good")) == 2, PROMPTLY_S)
    rig.wait_dead(2)
    assert rig.stop(worker) == 0
    assert {each.headers["plaudit-reason"] for each in rig.dead()} == {"exhausted"}
    assert raw in {each.value for each in rig.dead()}, "unchanged, byte for byte"


@contextmanager
def https(name: str) -> Iterator[int]:
    """Serve https with a certificate for `name` from an authority that is not trusted."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(name).configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_hostile_endpoints_cost_their_own_deliveries_only(rig: Rig, sink: Sink) -> None:
    fine = {rig.endpoint(sink.on("good", good)), rig.endpoint(sink.on("endless", endless))}
    with https("elsewhere.example") as port:
        wrong = {
            rig.endpoint("http://10.0.0.1/hook"): "address_refused",
            rig.endpoint("http://[::ffff:192.168.0.1]/hook"): "address_refused",
            rig.endpoint("gopher://example.com/"): "address_refused",
            rig.endpoint(f"https://127.0.0.1:{port}/"): "tls",
            rig.endpoint("http://127.0.0.1:1/"): "connect",
            rig.endpoint("http://name.invalid/"): "dns",
            rig.endpoint(sink.on("hanging", hanging)): "first_byte_timeout",
            rig.endpoint(sink.on("trickling", trickling)): "total_timeout",
            rig.endpoint(sink.on("moved", always(302, Location="http://127.0.0.1:1/"))): "status",
        }
        worker = rig.worker(PLAUDIT_FIRST_BYTE_TIMEOUT="1", PLAUDIT_TOTAL_TIMEOUT="2")
        [event_id] = rig.publish(1)
        rig.wait_dead(len(wrong))
        assert rig.stop(worker) == 0
    assert set(sink.ids("good")) == {event_id}
    reasons = {each.headers["plaudit-endpoint-id"]: each.headers for each in rig.dead()}
    assert reasons.keys() == wrong.keys()
    for endpoint, reason in wrong.items():
        found = reasons[endpoint]
        if reason == "address_refused":
            assert found["plaudit-reason"] == reason
        else:
            assert found["plaudit-reason"] == "exhausted"
            assert found["plaudit-attempt"] == "3"
    codes = {
        (each["endpoint_id"], each["reason"])
        for each in rig.attempts()
        if each["outcome"] == "retrying"
    }
    assert codes == {pair for pair in wrong.items() if pair[1] != "address_refused"}
    delivered = {each["endpoint_id"] for each in rig.attempts() if each["outcome"] == "delivered"}
    assert delivered == fine, "an endless answer is cut off, and counts as one"


def test_an_endpoint_of_another_workspace_never_receives_a_delivery(rig: Rig, sink: Sink) -> None:
    foreign = rig.endpoint(sink.on("foreign", good), workspace_id=str(uuid.uuid4()))
    event = rig.event()
    headers = [
        ("plaudit-endpoint-id", foreign.encode()),
        ("plaudit-workspace-id", rig.workspace.encode()),
        ("ce_id", str(event.meta.event_id).encode()),
    ]
    rig.write(rig.settings.names.deliveries_now, foreign.encode(), encode(event), headers)
    worker = rig.worker()
    rig.wait_dead(1)
    assert rig.stop(worker) == 0
    [letter] = rig.dead()
    assert letter.headers["plaudit-reason"] == "wrong_workspace"
    assert not sink.arrivals
