"""Mutated files, by the thousand: each is read to its end, or refused in one line.

The seed of a run that fails is in its message.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Final

import pytest

from plaudit.importer.errors import ImportRefused
from plaudit.importer.files import open_file
from plaudit.importer.rows import Row, Unreadable

FEW: Final = 300
MANY: Final = 100_000
ROWS: Final = [
    {"id": str(number), "text": 'He said "fine", twice', "rating": 5, "tags": ["a", "b"]}
    for number in range(6)
]
CSV: Final = b"id,text,rating\r\n" + b"".join(
    b'%d,"He said ""fine"", twice",5\r\n' % number for number in range(6)
)
FILES: Final = {
    "a.csv": (CSV, CSV.replace(b",", b";"), CSV.replace(b",", b"\t"), b"\xef\xbb\xbf" + CSV),
    "a.jsonl": (b"\n".join(json.dumps(row).encode() for row in ROWS),),
    "a.json": (
        json.dumps(ROWS).encode(),
        json.dumps({"reviews": ROWS, "links": []}).encode(),
        json.dumps({"data": {"reviews": ROWS}}, indent=1).encode(),
    ),
}
PIECES: Final = (
    *(b'"', b'""', b"\n", b"\r", b"\r\n", b",", b";", b"\t", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"[", b"]", b"{", b"}", b":", b"null", b"1e400", b"-", b"\\u", b"\\ud800", b"sep=;\r\n"),
    *(b"9" * 1_200, b"[" * 70, b"\xe2\x82", b"=cmd|' /C calc'!A0"),
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return a file with a few changes."""
    body = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at, way = chance.randrange(len(body) + 1), chance.randrange(4)
        if way == 0:
            body[at:at] = chance.choice(PIECES)
        elif way == 1:
            del body[at : at + chance.choice((1, 2, 40))]
        elif way == 2:
            body[at : at + 1] = bytes([chance.randrange(256)])
        else:
            other = chance.choice([each for files in FILES.values() for each in files])
            body[at:] = other[chance.randrange(len(other)) :]
    return bytes(body)


def read(path: Path) -> str:
    """Read a file to its end; return why it was refused, or nothing."""
    try:
        rows = list(open_file(path).rows())
    except ImportRefused as refused:
        return str(refused)
    assert all(isinstance(row, Row | Unreadable) for row in rows)
    return ""


def fuzz(folder: Path, count: int) -> None:
    """Read mutated files."""
    first = random.SystemRandom().getrandbits(32)
    for seed in range(first, first + count):
        chance = random.Random(seed)  # noqa: S311 - reproducible
        name = chance.choice(list(FILES))
        path = folder / name
        path.write_bytes(mutated(chance.choice(FILES[name]), chance))
        try:
            assert "\n" not in read(path)
        except BaseException as error:
            error.add_note(f"seed {seed}: {path.read_bytes()!r}")
            raise


def test_a_mutated_file_is_read_or_refused(tmp_path: Path) -> None:
    fuzz(tmp_path, FEW)


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
def test_a_hundred_thousand_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    fuzz(tmp_path, MANY)
