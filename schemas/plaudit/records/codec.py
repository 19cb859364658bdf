"""Avro single-object encoding for Plaudit's own records, readable across releases.

The schema of this release is `avro/<name>.avsc`. Schemas of earlier releases stay beside it as
`avro/<name>.<n>.avsc`, so that a reader can resolve records of an older or newer release.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, cast

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from plaudit.events.avro.reader_codegen import READ_ERRORS, Read, compile_reader
from plaudit.events.avro.writer_codegen import compile_writer

MARKER: Final = b"\xc3\x01"
HEAD_BYTES: Final = len(MARKER) + 8


class RecordError(ValueError):
    """The bytes are not a record of the expected kind. The message says why."""


class RecordCodec:
    """Encodes and decodes one kind of record.

    Args:
        name: stem of the `.avsc` files in this package's `avro` folder.

    Attributes:
        schema: the schema of this release.
        record: full name of the Avro record.
        head: marker and fingerprint, the first bytes of every record.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        schemas = _schemas(name)
        self.schema = schemas[f"{name}.avsc"]
        self.head = MARKER + _fingerprint(self.schema)
        self.record = f"{self.schema['namespace']}.{self.schema['name']}"
        self._parsed = fastavro.parse_schema(self.schema)
        self._write = compile_writer(self.schema, mappings=True)
        self._schemas = {MARKER + _fingerprint(each): each for each in schemas.values()}
        self._writers = {head: fastavro.parse_schema(each) for head, each in self._schemas.items()}
        self._readers: dict[bytes, Read] = {}
        self._partial: dict[tuple[bytes, tuple[str, ...]], Read] = {}

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """Return marker, fingerprint and Avro body (Avro 1.12, "Single-object encoding").

        Type checking guarantees that every field is present and of its type.
        """
        return self.head + self._write(record)

    def decode(self, value: bytes) -> dict[str, Any]:
        """Read a record that this or another release wrote.

        Raises:
            RecordError: an unknown fingerprint, or bytes that don't fit the schema.
        """
        return self.decode_head(value)[0]

    def decode_head(self, value: bytes) -> tuple[dict[str, Any], int]:
        """Read a record that other bytes may follow; return it, and how many bytes it takes.

        Raises:
            RecordError: an unknown fingerprint, or bytes that don't fit the schema.
        """
        writer = self._writers.get(value[:HEAD_BYTES])
        if writer is None:
            msg = f"{self.name}: written under an unknown schema ({value[:HEAD_BYTES].hex()})"
            raise RecordError(msg)
        body = io.BytesIO(value)
        body.seek(HEAD_BYTES)
        try:
            record = fastavro.schemaless_reader(body, writer, self._parsed)
        except Exception as error:  # fastavro raises EOFError, UnicodeDecodeError, …
            msg = f"{self.name}: does not decode under its schema ({error!r})"
            raise RecordError(msg) from error
        return cast("dict[str, Any]", record), body.tell()

    def read(self, value: bytes) -> dict[str, Any]:
        """Decode in half the time of `decode`; enums are returned in lower case.

        Raises:
            RecordError: an unknown fingerprint, or bytes that don't fit the schema.
        """
        reader = self._readers.get(value[:HEAD_BYTES]) or self._compile(value)
        try:
            record, end = reader(value, HEAD_BYTES)
        except READ_ERRORS as error:
            msg = f"{self.name}: does not decode under its schema ({error!r})"
            raise RecordError(msg) from error
        if end != len(value):
            msg = f"{self.name}: {len(value)} bytes, not {end}"
            raise RecordError(msg)
        return record

    def read_some(self, value: bytes, fields: tuple[str, ...]) -> dict[str, Any]:
        """Decode some fields as `read` does; other bytes may follow the record.

        Raises:
            RecordError: an unknown fingerprint, or bytes that don't fit the schema.
        """
        wanted = (value[:HEAD_BYTES], fields)
        reader = self._partial.get(wanted)
        if reader is None:
            some = [each for each in self.schema["fields"] if each["name"] in fields]
            reader = compile_reader(self._writer_of(value), {**self.schema, "fields": some})
            self._partial[wanted] = reader
        try:
            return reader(value, HEAD_BYTES)[0]
        except READ_ERRORS as error:
            msg = f"{self.name}: does not decode under its schema ({error!r})"
            raise RecordError(msg) from error

    def _compile(self, value: bytes) -> Read:
        reader = compile_reader(self._writer_of(value), self.schema)
        self._readers[value[:HEAD_BYTES]] = reader
        return reader

    def _writer_of(self, value: bytes) -> dict[str, Any]:
        head = value[:HEAD_BYTES]
        writer = self._schemas.get(head)
        if writer is None:
            msg = f"{self.name}: written under an unknown schema ({head.hex()})"
            raise RecordError(msg)
        return writer


@cache
def record_codec(name: str) -> RecordCodec:
    """Return the codec for a kind of record."""
    return RecordCodec(name)


def _schemas(name: str) -> dict[str, dict[str, Any]]:
    folder = resources.files("plaudit.records") / "avro"
    return {
        entry.name: json.loads(entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name == f"{name}.avsc"
        or (entry.name.startswith(f"{name}.") and entry.name.endswith(".avsc"))
    }


def _fingerprint(schema: dict[str, Any]) -> bytes:
    """Return CRC-64-AVRO of the parsing canonical form, in little-endian byte order."""
    canonical = to_parsing_canonical_form(schema)
    return bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))
