"""A registry's schemas that refer to others, and a registry that answers oddly."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fastavro
import pytest

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder, SchemaUnknown, Undecodable
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.framing import SchemaId
from plaudit.events.registry.client import RegistryLookup

TYPE = CATALOGUE["testimonial.deleted"]
NAMESPACE = "plaudit.events.v1"


class Registry(ThreadingHTTPServer):
    """Answers from a table; of anything else, that it does not have it.

    Attributes:
        answers: by path.
        absence: what it answers of what it does not have.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.absence: bytes = json.dumps({"error_code": 40403, "message": "not found"}).encode()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def has(self, schema_id: int, schema: object, *references: tuple[str, str]) -> None:
        self.answers[f"/schemas/ids/{schema_id}"] = _answer(schema, references)

    def has_subject(self, subject: str, schema: object, *references: tuple[str, str]) -> None:
        answer = _answer(schema, references)
        self.answers[f"/subjects/{subject}/versions/1"] = answer


def _answer(schema: object, references: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    refer = [{"name": name, "subject": subject, "version": 1} for name, subject in references]
    return {"schema": json.dumps(schema), "references": refer}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Registry)
        found = self.server.answers.get(self.path)
        body = self.server.absence if found is None else json.dumps(found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


class ById:
    """A look-up by id that waits for the registry's answer."""

    def __init__(self, url: str) -> None:
        self.lookup = RegistryLookup(url)

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        del fingerprint
        return None

    def by_id(self, schema_id: SchemaId) -> str | None:
        pause = threading.Event()
        for _ in range(1_000):
            if (found := self.lookup.by_id(schema_id)) is not None:
                return found
            pause.wait(0.005)
        return None


@pytest.fixture
def decoder(registry: Registry) -> Iterator[EventDecoder]:
    made = ById(registry.url)
    yield EventDecoder(made)
    made.lookup.close()


def split() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return a schema that refers to its metadata, that, and what that refers to in turn."""
    whole: dict[str, Any] = json.loads(TYPE.schema_json)
    [meta] = [field for field in whole["fields"] if field["name"] == "meta"]
    inner = {**meta["type"], "namespace": NAMESPACE}
    meta["type"] = f"{NAMESPACE}.{inner['name']}"
    mood: dict[str, Any] = {
        "type": "enum",
        "name": "Mood",
        "namespace": NAMESPACE,
        "symbols": ["GOOD", "BAD"],
    }
    inner["fields"].append({"name": "mood", "type": "Mood"})
    whole["fields"].append({"name": "later_mood", "type": ["null", f"{NAMESPACE}.Mood"]})
    return whole, inner, mood


def value_of(schema_id: int) -> bytes:
    """Return an event as written by a serializer that splits its schemas."""
    whole, inner, mood = split()
    named: dict[str, Any] = {}
    for each in (mood, inner):
        fastavro.parse_schema(each, named_schemas=named)
    out = io.BytesIO()
    out.write(b"\0" + schema_id.to_bytes(4, "big"))
    record = example(TYPE.name).model_dump()
    record["meta"]["mood"], record["later_mood"] = "GOOD", "BAD"
    fastavro.schemaless_writer(out, fastavro.parse_schema(whole, named_schemas=named), record)
    return out.getvalue()


def test_references_are_resolved_however_deep(registry: Registry, decoder: EventDecoder) -> None:
    whole, inner, mood = split()
    meta, feeling = f"{NAMESPACE}.EventMeta", f"{NAMESPACE}.Mood"
    registry.has(7, whole, (meta, "meta"), (feeling, "mood"))
    registry.has_subject("meta", inner, (feeling, "mood"))
    registry.has_subject("mood", mood)
    assert decoder.decode(value_of(7)) == EventDecoder().decode(encode(example(TYPE.name)))


def test_references_in_a_circle_are_refused(registry: Registry, decoder: EventDecoder) -> None:
    whole, inner, mood = split()
    registry.has(7, whole, ("m", "meta"))
    registry.has_subject("meta", inner, ("x", "mood"))
    registry.has_subject("mood", mood, ("y", "meta"))
    with pytest.raises(Undecodable, match=r"unresolvable_schema: .* refers to itself"):
        decoder.decode(value_of(7))


def test_a_reference_that_leads_nowhere_is_named(registry: Registry, decoder: EventDecoder) -> None:
    registry.has(7, split()[0], ("m", "meta"))
    with pytest.raises(Undecodable, match=r"unresolvable_schema: .* reference leads nowhere.*meta"):
        decoder.decode(value_of(7))


def test_global_ids_are_asked_of_apicurios_own_api(registry: Registry) -> None:
    made = ById(f"{registry.url}/apis/ccompat/v7")
    own = "/apis/registry/v2/ids/globalIds/{}?dereference=true"
    registry.answers[own.format(9)] = TYPE.schema
    decoder = EventDecoder(made)
    expected = EventDecoder().decode(encode(example(TYPE.name)))
    body = encode(example(TYPE.name))[10:]
    assert decoder.decode(b"\0" + (9).to_bytes(8, "big") + body) == expected
    registry.absence = b'{"error_code": 404, "name": "VersionNotFoundException"}'
    with pytest.raises(Undecodable, match="schema_unknown: the registry has no schema id global 8"):
        decoder.decode(b"\0" + (8).to_bytes(8, "big") + body)
    made.lookup.close()


def test_an_id_that_the_registry_does_not_have_is_given_up(decoder: EventDecoder) -> None:
    with pytest.raises(Undecodable, match="schema_unknown: the registry has no schema id 7"):
        decoder.decode(value_of(7))


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b"[]", b"5", b'{"error_code": 404}'])
def test_a_404_from_another_server_does_not_reject_a_schema(
    registry: Registry, decoder: EventDecoder, answer: bytes
) -> None:
    registry.absence = answer
    with pytest.raises(SchemaUnknown, match="answered 404"):
        decoder.decode(value_of(7))


@pytest.mark.parametrize("answer", [[], 5, {"schem": "x"}, {"schema": "{}", "references": 5}])
def test_an_answer_that_is_not_a_registrys_ends_nothing(
    registry: Registry, decoder: EventDecoder, answer: object
) -> None:
    registry.answers["/schemas/ids/7"] = answer
    with pytest.raises((SchemaUnknown, Undecodable)):
        decoder.decode(value_of(7))
    registry.has(8, TYPE.schema)
    framed = encode(example(TYPE.name), schema_id=8)
    assert decoder.decode(framed).type == TYPE.name, "the next look-up is answered"
