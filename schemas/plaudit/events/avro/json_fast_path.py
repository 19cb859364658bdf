"""Fast path from parsed JSON to Avro, for JSON in the usual form.

A service that publishes over HTTP sends the output of its model: ids in lower case, times as RFC
3339, each value of its type. Validating and encoding such an event in one pass takes a fifth of the
time that its model takes. Other input raises `NotFastPath`: the caller then builds the model, which
accepts the input or names what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, NoReturn

from plaudit.events.avro.avro import Names, Node, kind_of, logical_of
from plaudit.events.avro.varint import long_bytes, time_text
from plaudit.events.avro.writer_codegen import Emitter, Unwritable, Write, compiled
from plaudit.events.catalogue import EventType
from plaudit.events.ids import new_id_text, utc_now

Tree = dict[str, Any]
"""An event's data, as parsed JSON."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BITS: Final = {"int": 31, "long": 63}
"""Bits of a number without its sign."""
_RULES: Final[Mapping[str, str]] = {
    "rating_within_scale": "{0}['value'] <= {0}['scale_max']",
    "consent_granted": "{0}['testimonial']['consent']['state'] in GRANTED",
}
"""The rules of rules.py for the usual form, as expressions over a record."""


class NotFastPath(ValueError):
    """The JSON is invalid or in an unusual form; the caller must build the model."""


UNUSUAL: Final = (NotFastPath, KeyError, TypeError, AttributeError, ValueError, OverflowError)
"""Exceptions that the generated writer raises for such input.

An operation that a value does not support is as good a check as an `isinstance`.
"""


class JsonWritten(NamedTuple):
    """An event in Avro, with the data for its record's key and headers.

    Attributes:
        body: Avro body without framing.
        occurred_at: RFC 3339 in UTC, with microseconds.
        key: key of the Kafka record.
    """

    type: EventType
    body: bytes
    event_id: str
    workspace_id: str
    occurred_at: str
    key: str


def write_json(event_type: EventType, data: Tree) -> JsonWritten:
    """Encode an event; add the optional fields that are absent to `meta`.

    Raises:
        Exception: one of `UNUSUAL`; the caller must build the event's model.
    """
    writer = _writer(event_type)
    if writer is None:
        raise NotFastPath
    meta = data["meta"]
    if "event_id" not in meta:
        meta["event_id"] = new_id_text()
    if "occurred_at" not in meta:
        meta["occurred_at"] = utc_now().isoformat(timespec="microseconds")
    body = writer(data)
    key: Any = data
    for name in event_type.key_path:
        key = key[name]
    occurred_at = time_text(_micros(meta["occurred_at"]))
    return JsonWritten(event_type, body, meta["event_id"], meta["workspace_id"], occurred_at, key)


@cache
def _writer(event_type: EventType) -> Write | None:
    """Return the writer for events of a type; None when a rule of the type needs the model."""
    try:
        return compiled(_Emitter(Names(event_type.schema)), dict(event_type.schema))
    except Unwritable:
        return None


class _Emitter(Emitter):
    """Generates the source of a function that validates while it encodes."""

    def __init__(self, names: Names) -> None:
        super().__init__(names, mappings=True)
        self._field: Mapping[str, Any] = {}
        self.tables.update(
            GRANTED=frozenset({"GRANTED", "granted"}),
            unusual=_unusual,
            uuid_bytes=_id_bytes,
            time_bytes=_time_bytes,
            decimal_bytes=_decimal_bytes,
        )

    def _scalar(self, node: Node, value: str) -> str:
        """Return an expression for a value's bytes, if one expression suffices."""
        held = self._variable()
        given = f"({held} := {value})"
        match kind_of(node), logical_of(node):
            case "boolean", _:
                no = rf"b'\x00' if {held} is False else unusual()"
                return rf"(b'\x01' if {given} is True else {no})"
            case ("int" | "long") as kind, None:
                most = 2 ** _BITS[kind]
                least = self._field.get("plaudit:min", -most)
                fits = f"type({given}) is int and {least} <= {held} < {most}"
                return f"(long_bytes({held}) if {fits} else unusual())"
            case "bytes", "decimal":
                most = 10 ** (node["precision"] if isinstance(node, dict) else 0)
                least = self._field.get("plaudit:min", -most)
                written = f"decimal_bytes(type({held}), {held}, {most})"
                return f"({written} if {given} >= {least} else unusual())"
            case _:
                return super()._scalar(node, value)

    def _text(self, value: str) -> str:
        most = self._field.get("plaudit:max-length")
        if most is None:
            return value
        held = self._variable()
        return f"({held} if len({held} := {value}) <= {most} else unusual())"

    def _record(self, node: Node, value: str) -> None:
        record: Mapping[str, Any] = node if isinstance(node, dict) else {}
        self._flush()
        held = self._assign(value)
        known = self._table(frozenset(field["name"] for field in record["fields"]))
        self._line(f"if not {held}.keys() <= {known}: unusual()")
        for rule in record.get("plaudit:rules", ()):
            if rule not in _RULES:
                raise Unwritable(rule)
            self._line(f"if not {_RULES[rule].format(held)}: unusual()")
        for field in record["fields"]:
            self._field = field
            self._value(field["type"], f"{held}{self._read(field)}")

    def _read(self, field: Mapping[str, Any]) -> str:
        """Return how a field is read; the schema decides what an absent field becomes."""
        name = repr(field["name"])
        if "default" not in field:
            return f"[{name}]"
        default = field["default"]
        return f".get({name})" if default is None else f".get({name}, {self._table(default)})"

    def _enum(self, node: Node, value: str) -> str:
        symbols: list[str] = node["symbols"] if isinstance(node, dict) else []
        written = {symbol: long_bytes(at) for at, symbol in enumerate(symbols)}
        lower = {symbol.lower(): number for symbol, number in written.items()}
        return f"{self._table({**lower, **written})}[{value}]"

    def _array(self, items: Node, value: str) -> None:
        super()._array(items, self._of_type("list", value))

    def _map(self, values: Node, value: str) -> None:
        super()._map(values, self._of_type("dict", value))

    def _of_type(self, kind: str, value: str) -> str:
        held = self._variable()
        return f"{held} if type({held} := {value}) is {kind} else unusual()"

    def _table(self, value: object) -> str:
        name = f"T{len(self.tables)}"
        self.tables[name] = value
        return name


def _unusual() -> NoReturn:
    raise NotFastPath


_is_id: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
# Four digits exclude years that leave the supported range in UTC.
_is_time: Final = re.compile(
    r"[1-8]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
).fullmatch
_LENGTH_OF_ID: Final = "H"  # 36 as a varint


def _id_bytes(text: str) -> bytes:
    if _is_id(text) is None:
        raise NotFastPath
    return (_LENGTH_OF_ID + text).encode()


# An event contains the same times repeatedly: when it happened, and when its entity changed.
@lru_cache(maxsize=64)
def _micros(text: str) -> int:
    if _is_time(text) is None:
        raise NotFastPath
    past = datetime.fromisoformat(text) - _EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


@lru_cache(maxsize=64)
def _time_bytes(text: str) -> bytes:
    return long_bytes(_micros(text))


# Ratings are few. The key includes the type, because 1 and True would be one key otherwise.
@lru_cache(maxsize=4_096)
def _decimal_bytes(kind: type, value: float, most: int) -> bytes:
    """Return a number with two decimals as big-endian two's complement of hundredths."""
    hundredths = round(value * 100)
    if kind not in {int, float} or hundredths / 100 != value or abs(hundredths) >= most:
        raise NotFastPath
    data = hundredths.to_bytes(hundredths.bit_length() // 8 + 1, "big", signed=True)
    return long_bytes(len(data)) + data
