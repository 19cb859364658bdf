"""A real registry, and confluent-kafka's own Avro serializers on the other side."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from attempts import attempt
from command import CommandLine
from plaudit.deliver.attempts_framing import attempts_framing
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder, SchemaUnknown
from plaudit.events.encoding import encode
from plaudit.events.examples import example, example_json
from plaudit.events.framing import SchemaId
from plaudit.events.registry.client import RegistryClient, RegistryLookup
from plaudit.events.registry.errors import (
    RegistryUnavailable,
    SchemaIncompatible,
    SchemaNotRegistered,
)
from plaudit.kafka.admin.topic_specs import declared
from plaudit.kafka.admin.topics import Admin, apply
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher
from plaudit.records.attempt import decode_attempt, encode_attempt, single_object
from plaudit.records.codec import record_codec
from publish.conftest import read_all, read_topic, topics
from registry.local_registry import LocalRegistry
from waiting import until

__all__ = ["read_all", "topics"]  # fixtures of publishing

pytestmark = pytest.mark.broker

TYPE = CATALOGUE["testimonial.approved"]
VALUE = SerializationContext("plaudit.testimonials", MessageField.VALUE)
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def registry() -> Iterator[LocalRegistry]:
    """A registry that knows every schema of this release."""
    try:
        made = LocalRegistry()
    except KafkaNotFound as error:
        pytest.skip(f"no schema registry: {error}")
    with made:
        client = RegistryClient(made.url)
        for each in CATALOGUE.values():
            client.register(each.record, each.schema_json)
        client.close()
        yield made


@pytest.fixture(scope="module")
def client(registry: LocalRegistry) -> Iterator[RegistryClient]:
    made = RegistryClient(registry.url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def foreign(registry: LocalRegistry) -> Iterator[SchemaRegistryClient]:
    """The client of confluent-kafka."""
    with SchemaRegistryClient({"url": registry.url}) as made:
        yield made


def newer(**field: Any) -> str:
    """Return the schema of a later release: a field more, or an enum that knows more."""
    schema = json.loads(TYPE.schema_json)
    schema["fields"].append({"name": "mood", "type": ["null", "string"], **field})
    return json.dumps(schema)


def test_registering_again_changes_nothing_and_look_ups_find_it(client: RegistryClient) -> None:
    first = client.id_of(TYPE.record, TYPE.schema_json)
    assert client.register(TYPE.record, TYPE.schema_json) == first
    assert json.loads(client.schema_by_id(first)) == json.loads(TYPE.schema_json)


def test_every_subject_is_fully_transitive_and_refuses_what_breaks(
    client: RegistryClient, foreign: SchemaRegistryClient
) -> None:
    for each in CATALOGUE.values():
        assert foreign.get_compatibility(each.record) == "FULL_TRANSITIVE"
    with pytest.raises(SchemaIncompatible, match="409"):
        client.register(TYPE.record, newer())  # no default: older events lack it
    renamed = json.loads(TYPE.schema_json)
    renamed["fields"] = [each for each in renamed["fields"] if each["name"] != "testimonial"]
    with pytest.raises(SchemaIncompatible):
        client.register(TYPE.record, json.dumps(renamed))


def test_a_foreign_producer_is_read_here(
    foreign: SchemaRegistryClient, registry: LocalRegistry
) -> None:
    serializer = AvroSerializer(
        foreign,
        TYPE.schema_json,
        conf={
            "auto.register.schemas": False,
            "subject.name.strategy": record_subject_name_strategy,
        },
    )
    event = example(TYPE.name)
    value = serializer(event.model_dump(), VALUE)
    assert value is not None
    lookup = RegistryLookup(registry.url)
    decoder = EventDecoder(_ById(lookup))
    with pytest.raises(SchemaUnknown):  # not yet: look-ups never block
        decoder.decode(value)
    until(lambda: lookup.by_id(int.from_bytes(value[1:5], "big")) is not None)
    assert decoder.decode(value) == EventDecoder().decode(encode(event))
    lookup.close()


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_event_of_ours_is_read_by_a_foreign_consumer(
    name: str, foreign: SchemaRegistryClient, client: RegistryClient
) -> None:
    event_type, event = CATALOGUE[name], example(name)
    schema_id = client.id_of(event_type.record, event_type.schema_json)
    read = AvroDeserializer(foreign)(encode(event, schema_id=schema_id), VALUE)
    assert isinstance(read, dict)
    assert read["meta"]["event_id"] == event.meta.event_id
    assert type(event).model_validate(read) == event


def test_an_unseen_schema_is_resolved(
    client: RegistryClient, foreign: SchemaRegistryClient, registry: LocalRegistry
) -> None:
    later = newer(default=None)
    client.register(TYPE.record, later)
    serializer = AvroSerializer(
        foreign,
        later,
        conf={
            "auto.register.schemas": False,
            "subject.name.strategy": record_subject_name_strategy,
        },
    )
    event = example(TYPE.name)
    value = serializer({**event.model_dump(), "mood": "sunny"}, VALUE)
    assert value is not None
    lookup = RegistryLookup(registry.url, [TYPE.record])
    until(lambda: lookup.by_id(int.from_bytes(value[1:5], "big")) is not None)
    assert EventDecoder(_ById(lookup)).decode(value) == EventDecoder().decode(encode(event))
    lookup.close()


def test_an_unregistered_schema_is_reported_with_the_remedy(client: RegistryClient) -> None:
    with pytest.raises(SchemaNotRegistered, match="plaudit schemas register"):
        client.schema_by_id(999_999)
    with pytest.raises(SchemaNotRegistered, match="plaudit schemas register"):
        client.id_of("plaudit.events.v1.Unheard", TYPE.schema_json)


def test_during_an_outage_known_schemas_work_and_the_others_report_it(
    registry: LocalRegistry,
) -> None:
    event = example(TYPE.name)
    with way_to(registry) as way:
        client = RegistryClient(way.url)
        schema_id = client.id_of(TYPE.record, TYPE.schema_json)
        client.schema_by_id(schema_id)
        lookup = RegistryLookup(way.url, [TYPE.record], again_s=0.0)
        until(lambda: lookup.by_id(schema_id) is not None)
        way.open = False
        assert client.id_of(TYPE.record, TYPE.schema_json) == schema_id
        decoder = EventDecoder(_ById(lookup))
        assert decoder.decode(encode(event, schema_id=schema_id)).type == TYPE.name
        other = schema_id % len(CATALOGUE) + 1
        with pytest.raises(RegistryUnavailable, match="away or did not answer"):
            client.schema_by_id(other)
        with pytest.raises(SchemaUnknown):
            decoder.decode(encode(event, schema_id=other))
        way.open = True
        until(lambda: by_now(lookup, other) is not None)
        lookup.close()
        client.close()


def by_now(lookup: RegistryLookup, schema_id: int) -> str | None:
    """Return a schema, or None while the registry could not be asked."""
    try:
        return lookup.by_id(schema_id)
    except SchemaUnknown:
        return None


class Way(ThreadingHTTPServer):
    """A way to the registry that can be closed: then connections end without an answer."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.target = target
        self.open = True
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Forward(BaseHTTPRequestHandler):
    def _pass_on(self) -> None:
        assert isinstance(self.server, Way)
        if not self.server.open:
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        kind = self.headers.get("content-type", "application/json")
        answer = httpx.request(
            self.command,
            self.server.target + self.path,
            content=body,
            headers={"content-type": kind},
        )
        self.send_response(answer.status_code)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = _pass_on  # noqa: N815 - the names that the server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def way_to(registry: LocalRegistry) -> Iterator[Way]:
    with Way(registry.url) as way:
        thread = threading.Thread(target=way.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield way
        way.shutdown()
        thread.join()


def test_registered_by_command_and_published_with_its_id(
    registry: LocalRegistry, topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = declared(topics, single_node=True)
    assert apply(Admin(topics), [each for each in specs if each.name == topics.names.schemas]).ok
    monkeypatch.setenv("PLAUDIT_SCHEMA_REGISTRY_URL", registry.url)
    plaudit = CommandLine(topics)
    done = plaudit("schemas", "register")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == len(CATALOGUE) + 2
    line = example_json(TYPE.name).encode()
    assert plaudit("publish", TYPE.name, stdin=line).code == 0
    with Publisher(topics.model_copy(update={"schema_registry_url": registry.url})) as publisher:
        publisher.publish(example(TYPE.name)).result(30)
    first, second = (each.value() for each in read_topic(topics, topics.names.event_topics[0]))
    assert first == second
    assert (first or b"")[:1] == b"\0"


def test_attempts_with_a_registrys_id_are_read_by_a_foreign_consumer(
    registry: LocalRegistry, client: RegistryClient, foreign: SchemaRegistryClient
) -> None:
    codec = record_codec("attempt")
    client.register(codec.record, json.dumps(codec.schema))
    settings = KafkaSettings(schema_registry_url=registry.url)
    framing = attempts_framing(settings, "confluent")
    assert framing is not None
    made = attempt()
    value, headers = framing.framed(encode_attempt(made))
    read = AvroDeserializer(foreign)(value, VALUE)
    assert isinstance(read, dict)
    assert read["delivery_id"] == made["delivery_id"]
    assert decode_attempt(single_object(value, dict(headers)))["event_id"] == made["event_id"]


def test_a_registry_that_is_away_ends_publishing_with_one_clear_line(
    topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAUDIT_SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    plaudit = CommandLine(topics)
    done = plaudit("publish", TYPE.name, stdin=example_json(TYPE.name).encode())
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "the schema registry is away or did not answer in time" in done.err


class _ById:
    """A look-up by id only."""

    def __init__(self, lookup: RegistryLookup) -> None:
        self._lookup = lookup

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        del fingerprint
        return None

    def by_id(self, schema_id: SchemaId) -> str | None:
        return self._lookup.by_id(schema_id)
