"""Dead letters as JSON lines, complete enough to restore them.

Text is plain text, and other bytes are `{"base64": …}`, as are always the event's bytes. For people
and for jq, `summary` has the fields of `plaudit dlq list --json`.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from plaudit.bulk.nesting import check_depth
from plaudit.dlq.job.rules import Skip, origin_skip_reason
from plaudit.dlq.letters.letter import Kind, Letter
from plaudit.kafka.read.headers import Headers
from plaudit.records.names import Names

VERSION: Final = 1


class LineRefused(ValueError):
    """A line is not a dead letter; the message contains the reason."""


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter as stored in a file."""

    kind: Kind
    key: bytes
    headers: Headers
    value: bytes

    def belongs_to(self, names: Names) -> bool:
        """Return whether an installation with these names could have written the letter."""
        if self.kind is not Kind.EVENTS:
            return True
        letter = Letter(self.key, 0, 0, 0, self.headers, self.value)
        return origin_skip_reason(names, letter) is not Skip.FOREIGN_ORIGIN


def line_of(letter: Letter, kind: Kind) -> str:
    """Return a letter as one line of JSON, without a line break."""
    return json.dumps(
        {
            "plaudit_dead_letter": VERSION,
            "kind": str(kind),
            "key": _written(letter.key),
            "headers": [[name, _written(value)] for name, value in letter.headers],
            "value": {"base64": base64.b64encode(letter.value).decode()},
            "summary": letter.summary(),
        },
        ensure_ascii=False,
    )


def read_line(line: str | bytes) -> StoredLetter:
    """Parse a line.

    Raises:
        LineRefused: the line is not a dead letter, or has an unknown version.
    """
    try:
        text = line.encode() if isinstance(line, str) else line
        check_depth(text)  # json raises RecursionError for a deeper one
        found = json.loads(text)
    except ValueError as error:
        msg = f"not JSON ({error})"
        raise LineRefused(msg) from None
    if not isinstance(found, dict) or "plaudit_dead_letter" not in found:
        msg = "not a dead letter as `plaudit dlq export` writes it"
        raise LineRefused(msg)
    if found["plaudit_dead_letter"] != VERSION:
        msg = f"version {found['plaudit_dead_letter']!r}; this release reads {VERSION}"
        raise LineRefused(msg)
    try:
        return StoredLetter(
            Kind(found["kind"]),
            _read(found["key"]),
            [(_name(name), _read(value)) for name, value in found["headers"]],
            _read(found["value"]),
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        msg = f"a field is missing or wrong ({error!r})"
        raise LineRefused(msg) from None


def _written(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _name(value: object) -> str:
    """Return the name of a header, which must be UTF-8 in Kafka.

    Raises:
        ValueError: not encodable, such as half of a surrogate pair, which JSON allows.
    """
    return _read(value).decode()


def _read(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        return base64.b64decode(value["base64"], validate=True)
    msg = f"neither text nor base64: {value!r:.40}"
    raise TypeError(msg)
