"""Events of other serializers in `plaudit trace`, the console and the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from attempts import attempt
from events.test_references import Registry, registry
from plaudit.control.event_origin import EventSource
from plaudit.control.sent_request import sent_request
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.read.record_reader import RecordReader, StoredRecord
from plaudit.kafka.schemas import late_decoder
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import decode_attempt, encode_attempt
from plaudit.store.log.queries import Attempt

__all__ = ["registry"]

TYPE = CATALOGUE["testimonial.deleted"]
CONTENT_ID = ("apicurio.value.contentId", (7).to_bytes(8, "big"))


class Topic:
    """Reads one event, whatever is asked for."""

    def __init__(self, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self._found = StoredRecord(value, b"key", headers, 0)

    def read(self, *_: object) -> StoredRecord:
        return self._found


@pytest.fixture
def decoder(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[LateDecoder]:
    """A decoder with a registry and without brokers."""
    monkeypatch.setattr(late_decoder, "READ_S", 0.0)
    registry.has(7, TYPE.schema)
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", schema_registry_url=registry.url)
    with LateDecoder(settings) as made:
        yield made


@pytest.mark.parametrize("in_headers", [False, True])
def test_the_sent_request_of_an_event_with_a_registrys_id_is_shown(
    decoder: LateDecoder, *, in_headers: bool
) -> None:
    made = example(TYPE.name)
    value = encode(made)[10:] if in_headers else encode(made, schema_id=7)
    reader = cast("RecordReader", Topic(value, [CONTENT_ID] if in_headers else []))
    of_it = attempt(event_id=str(made.meta.event_id))
    made_attempt = Attempt(**decode_attempt(encode_attempt(of_it)))
    sent = sent_request(EventSource(reader, decoder), made_attempt, "standard", None)
    assert sent.problem is None
    assert str(made.meta.event_id).encode() in (sent.body or b"")
