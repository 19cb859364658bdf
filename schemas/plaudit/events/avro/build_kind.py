"""Which form of this package runs: the pure one, or one with its hot path compiled.

The compiled form is made from the same source (`make compile`); it brings extension modules beside
the source files, and one module that the pure form does not have: the readers of `reading.py`,
written out for every schema that ships.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final, Literal

from plaudit.events.avro import varint
from plaudit.events.avro.reader_codegen import Read

BUILT: Final = "plaudit.events.built_readers"
"""The module that only the compiled form has; its `READERS` are by fingerprint."""

Form = Literal["pure", "compiled"]


def form() -> Form:
    """Return which form this process runs."""
    return "pure" if str(varint.__file__).endswith(".py") else "compiled"


@cache
def built_readers() -> Mapping[bytes, Read]:
    """Return readers of schemas that ship, by fingerprint; none in the pure form."""
    if form() == "pure":
        return {}
    readers: Mapping[bytes, Read] = import_module(BUILT).READERS
    return readers
