"""Identity of a review without an id: a hash of its content, the same in every file format.

In CSV every value is a text and absent ones are empty. In JSON numbers and booleans have a type,
and objects nest. So all of them are brought into one form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from plaudit.importer.cells import LINE, REASON
from plaudit.importer.values import FOREIGN_BYTES, BadValue

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")
_UNIT, _RECORD = "\x1f", "\x1e"


def id_of_content(row: Mapping[str, Any]) -> str:
    """Return the hash of a row's values.

    Raises:
        BadValue: it has bytes that are invalid in the file's encoding.
    """
    pairs = sorted(_pairs(row, ""))
    text = _RECORD.join(f"{name}{_UNIT}{value}" for name, value in pairs)
    try:
        return sha256(text.encode()).hexdigest()[:32]
    except UnicodeEncodeError:
        field = "external_id"
        raise BadValue(field, FOREIGN_BYTES) from None


def _pairs(row: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    """Yield path and value of everything in the row that is not absent."""
    for name, value in row.items():
        path = f"{before}{name.strip()}"
        if isinstance(value, Mapping):
            yield from _pairs(value, f"{path}.")
        elif path not in {LINE, REASON} and (text := _text(value)):
            yield path, text


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            return _number(str(value))
        case list():
            return ",".join(_text(each) for each in value)
        case Mapping():
            return repr(sorted(_pairs(value, "")))
    text = str(value).strip()
    lowered = text.lower()
    return lowered if lowered in {"true", "false"} else _number(text)


def _number(text: str) -> str:
    """Return a number in one form: `5`, `5.0` and `5.00` are equal; other texts stay."""
    if not _NUMBER.fullmatch(text):
        return text
    return text.rstrip("0").rstrip(".") if "." in text else text
