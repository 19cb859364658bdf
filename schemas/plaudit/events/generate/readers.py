"""Generator of one module with the readers of all shipped schemas, for the compiled build."""

from __future__ import annotations

from collections.abc import Iterator

from plaudit.events.avro.reader_codegen import reader_source
from plaudit.events.catalogue import CATALOGUE

_HEAD = '''\
"""Readers of the schemas that ship, by fingerprint; written by the build."""

from __future__ import annotations

import struct
from typing import Any, Final

from plaudit.events.avro.varint import block_at, far, plain_float, ratio, time_text
from plaudit.events.avro.varint import long_by_bytes as long_at

float_at: Final = struct.Struct("<f").unpack_from
double_at: Final = struct.Struct("<d").unpack_from
BOOLEANS: Final[tuple[bool, ...]] = (False, True)


def time_at(b: bytes, i: int) -> tuple[str, int]:
    micros, i = long_at(b, i)
    return time_text(micros), i
'''


def readers_module() -> str:
    """Return the source of `build_kind.BUILT`."""
    return "\n\n".join((_HEAD, *_readers(), _index()))


def _readers() -> Iterator[str]:
    for number, event_type in enumerate(CATALOGUE.values()):
        source, tables = reader_source(event_type.schema, event_type.schema, f"_{number}")
        for name, table in tables.items():
            yield f"{name}: Final[dict[int, str]] = {dict(table)!r}"
        yield source


def _index() -> str:
    """Return the statement that looks readers up."""
    entries = "".join(
        f"    {event_type.fingerprint!r}: read_{number},\n"
        for number, event_type in enumerate(CATALOGUE.values())
    )
    return f"READERS: Final = {{\n{entries}}}\n"
