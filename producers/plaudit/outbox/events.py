"""Conversion of a row that `enqueue` wrote into the record to send."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import SINGLE_HEAD, SINGLE_OBJECT
from plaudit.events.encoding import confluent_head
from plaudit.events.entity import Entity
from plaudit.outbox.rows import Row, Unfit
from plaudit.publish.prepare import SchemaId
from plaudit.records.names import Names

_ENTITIES: Final = frozenset(Entity)
_BY_FINGERPRINT: Final = {each.fingerprint: each for each in CATALOGUE.values()}


class WrittenRow(NamedTuple):
    """A row's columns, with the database's types."""

    number: int
    topic: str
    key: str
    value: object
    headers: str


class RecordMaker:
    """Converts rows into records.

    Args:
        names: names of the topics.
        schema_id: look-up of an event type's schema id, with a registry.
    """

    def __init__(self, names: Names, schema_id: SchemaId) -> None:
        self._topics = {str(each): names.event_topic(each) for each in _ENTITIES}
        self._schema_id = schema_id

    def __call__(self, written: WrittenRow) -> Row | Unfit:
        """Return the record, or the reason why the row is not valid.

        Raises:
            RegistryFailure: the schema's id is not available now; the row is fine.
        """
        if not isinstance(written.value, bytes) or not _texts(written):
            # SQLite stores values of any type in any column.
            return Unfit(written.number, "value has to be bytes, all other columns texts")
        topic = self._topics.get(written.topic)
        if topic is None:
            known = ", ".join(sorted(self._topics))
            return Unfit(written.number, f"topic {written.topic!r} is not one of {known}")
        try:
            headers = [(str(name), str(value).encode()) for name, value in _pairs(written.headers)]
        except ValueError as error:
            return Unfit(written.number, f"headers are not a list of pairs as JSON: {error}")
        value = written.value
        if value[:2] != SINGLE_OBJECT or len(value) < SINGLE_HEAD:
            return Unfit(written.number, "the value is not an event in Avro single-object encoding")
        framed = self._framed(value)
        return Row(written.number, topic, written.key.encode(), framed, headers, written.topic)

    def _framed(self, value: bytes) -> bytes:
        """Return the value with the registry's schema id, if a registry knows the schema.

        Service and relay may be of different releases. A value with a fingerprint that the relay
        does
        not know stays unchanged, which every reader accepts.
        """
        event_type = _BY_FINGERPRINT.get(value[len(SINGLE_OBJECT) : SINGLE_HEAD])
        schema_id = None if event_type is None else self._schema_id(event_type)
        return value if schema_id is None else confluent_head(schema_id) + value[SINGLE_HEAD:]


def _texts(written: WrittenRow) -> bool:
    return all(isinstance(each, str) for each in (written.topic, written.key, written.headers))


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = orjson.loads(text)
    if not isinstance(pairs, list):
        msg = "no list"
        raise ValueError(msg)  # noqa: TRY004 - what is wrong with a text, not with a type
    return [(name, value) for name, value in pairs]
