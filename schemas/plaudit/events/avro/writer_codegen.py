"""Code generator for Avro writers: from a schema to a function that encodes a model or a mapping.

Publishing is the hot path of upstream services. fastavro needs the event as nested dicts, and then
takes 60 to 140 µs for a testimonial of 0.6 KB, mostly for UUIDs, times and decimals. A function
generated for one schema reads the model's fields directly, and takes a third.

It relies on validation: an event's fields have the types of its model.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from plaudit.events.avro.avro import Names, Node, inner_of, kind_of, logical_of
from plaudit.events.avro.codegen import Code
from plaudit.events.avro.varint import long_bytes
from plaudit.events.ids import id_text

if TYPE_CHECKING:
    from collections.abc import Iterator

Write = Callable[[object], bytes]
"""Returns the Avro body of a model."""

_FLOAT: Final = struct.Struct("<f")
_DOUBLE: Final = struct.Struct("<d")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CALLS: Final = {
    ("string", "uuid"): "uuid_bytes",
    ("long", "timestamp-micros"): "time_bytes",
    ("long", None): "long_bytes",
    ("int", None): "long_bytes",
    ("bytes", "decimal"): "decimal_bytes",
    ("float", None): "float_bytes",
    ("double", None): "double_bytes",
}
"""Name of the encoding function by kind and logical type."""
_SHORT: Final = 64  # lengths up to here take one byte
_LENGTH_OF_UUID: Final = b"H"  # 36 as a varint


class Unwritable(ValueError):
    """A schema uses a type that events do not have. The message names it."""


def compile_writer(schema: Mapping[str, Any], *, mappings: bool = False) -> Write:
    """Return a function that encodes models of a record schema.

    Args:
        schema: valid and self-contained schema, as parsed JSON.
        mappings: records are mappings instead of models.

    Raises:
        Unwritable: the schema uses a type that the models can't represent.
    """
    return compiled(Emitter(Names(schema), mappings=mappings), dict(schema))


def compiled(emitter: Emitter, schema: Node) -> Write:
    """Return the function whose source an emitter generates for a schema.

    Raises:
        Unwritable: the schema uses a type that the models can't represent.
    """
    source = emitter.function(schema)
    namespace: dict[str, Any] = {
        "SHORT": [bytes([2 * length]) for length in range(_SHORT)],
        "SOME": [bytes([2, 2 * length]) for length in range(_SHORT)],
        "some": some_text,
        "BOOLEANS": (b"\x00", b"\x01"),
        "long_bytes": long_bytes,
        "uuid_bytes": uuid_bytes,
        "time_bytes": time_bytes,
        "decimal_bytes": decimal_bytes,
        "float_bytes": _FLOAT.pack,
        "double_bytes": _DOUBLE.pack,
        **emitter.tables,
    }
    # The source contains only names and numbers made here, and literals from repr().
    exec(compile(source, "<avro writer>", "exec"), namespace)  # noqa: S102 - our own source
    write: Write = namespace["write"]
    return write


class Emitter(Code):
    """Generates the source of one function, field by field, in the schema's order.

    In that source `o` is the list of pieces. A value that is one expression becomes one piece, and
    consecutive pieces are appended with one call.
    """

    def __init__(self, names: Names, *, mappings: bool) -> None:
        super().__init__()
        self._mappings = mappings
        self._names = names
        self._pieces: list[str] = []
        self.tables: dict[str, object] = {}

    def function(self, schema: Node) -> str:
        """Return the source of `write`."""
        self._value(schema, "e")
        self._flush()
        return self._source()

    def _source(self) -> str:
        return f"def write(e):\n    o = []\n{self.text}\n    return b''.join(o)\n"

    def _value(self, node: Node, value: str) -> None:
        """Emit code that appends the value of an expression, which is evaluated once."""
        node = self._names.resolve(node)
        match kind_of(node):
            case "union":
                self._optional(node, value)
            case "record":
                self._record(node, value)
            case "array":
                self._array(inner_of(node), value)
            case "map":
                self._map(inner_of(node), value)
            case _:
                self._pieces.append(self._scalar(node, value))

    def _scalar(self, node: Node, value: str) -> str:
        """Return an expression for a value's bytes."""
        match kind_of(node), logical_of(node):
            case "enum", _:
                return self._enum(node, value)
            case "boolean", _:
                return f"BOOLEANS[{value}]"
            case "bytes", None:
                return self._span(value)
            case "string", logical if logical != "uuid":
                return self._span(f"{self._text(value)}.encode()")
            case kind, logical:
                call = _CALLS.get((kind, logical))
                if call is None:
                    msg = f"{kind} ({logical}) has no form in the models"
                    raise Unwritable(msg)
                return f"{call}({value})"

    def _text(self, value: str) -> str:
        """Return an expression for a text, if one expression suffices."""
        return value

    @staticmethod
    def _span(value: str) -> str:
        """Return an expression for a length followed by the bytes that it measures."""
        short = f"SHORT[len(t)] if len(t := {value}) < {_SHORT}"
        return f"({short} else long_bytes(len(t))) + t"

    def _some(self, branch: Node, held: str) -> str:
        """Return an expression for the bytes of an optional value that is present."""
        match kind_of(branch), logical_of(branch):
            case "string", logical if logical != "uuid":
                # Most optional fields are short texts; one table holds all their prefixes.
                given = f"len(t := {self._text(held)}.encode()) < {_SHORT}"
                return f"SOME[len(t)] + t if {given} else some(t)"
            case _:
                return rf"b'\x02' + {self._scalar(branch, held)}"

    def _optional(self, node: Node, value: str) -> None:
        match node:
            case ["null", branch]:
                branch = self._names.resolve(branch)
            case _:
                msg = "a union other than null and one type"
                raise Unwritable(msg)
        if kind_of(branch) not in {"record", "array", "map"}:
            held = self._variable()
            some = self._some(branch, held)
            none = rf"b'\x00' if ({held} := {value}) is None"
            self._pieces.append(f"{none} else {some}")
            return
        self._flush()
        held = self._assign(value)
        with self._block(f"if {held} is None:"):
            self._pieces.append(r"b'\x00'")
            self._flush()
        with self._block("else:"):
            self._pieces.append(r"b'\x02'")
            self._value(branch, held)
            self._flush()

    def _record(self, node: Node, value: str) -> None:
        fields: list[Mapping[str, Any]] = node["fields"] if isinstance(node, dict) else []
        held = self._variable()
        self._flush()
        self._line(f"{held} = {value}" if self._mappings else f"{held} = {value}.__dict__")
        for field in fields:
            self._value(field["type"], f"{held}[{field['name']!r}]")

    def _enum(self, node: Node, value: str) -> str:
        symbols: list[str] = node["symbols"] if isinstance(node, dict) else []
        table = f"E{len(self.tables)}"
        self.tables[table] = {symbol: long_bytes(at) for at, symbol in enumerate(symbols)}
        return f"{table}[{value}]"

    def _array(self, items: Node, value: str) -> None:
        with self._items(value) as held:
            item = self._variable()
            with self._block(f"for {item} in {held}:"):
                self._value(items, item)
                self._flush()

    def _map(self, values: Node, value: str) -> None:
        with self._items(value) as held:
            key, item = self._variable(), self._variable()
            with self._block(f"for {key}, {item} in {held}.items():"):
                self._value("string", key)
                self._value(values, item)
                self._flush()

    @contextmanager
    def _items(self, value: str) -> Iterator[str]:
        """Emit the single block of an array or a map, and the empty block that ends it."""
        self._flush()
        held = self._assign(value)
        with self._block(f"if {held}:"):
            self._pieces.append(f"long_bytes(len({held}))")
            self._flush()
            yield held
        self._pieces.append(r"b'\x00'")

    def _flush(self) -> None:
        """Emit the pending pieces."""
        if self._pieces:
            self._line(f"o += ({', '.join(self._pieces)},)")
            self._pieces.clear()


def some_text(text: bytes) -> bytes:
    """Encode an optional text that is present, of any length."""
    return b"\x02" + long_bytes(len(text)) + text


def uuid_bytes(value: UUID) -> bytes:
    """Encode a UUID as a string of 36 characters."""
    return _LENGTH_OF_UUID + id_text(value)


def time_bytes(moment: datetime) -> bytes:
    """Encode a time as microseconds since 1970."""
    past = moment - _EPOCH
    return long_bytes((past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds)


# Ratings are few.
@lru_cache(maxsize=4_096)
def decimal_bytes(value: Decimal) -> bytes:
    """Encode a decimal of two places as big-endian two's complement of hundredths."""
    hundredths = int(value.scaleb(2))
    data = hundredths.to_bytes(hundredths.bit_length() // 8 + 1, "big", signed=True)
    return long_bytes(len(data)) + data
