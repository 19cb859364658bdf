"""Build kind of this package: pure Python, or with the hot path compiled.

Both builds share one source (`make compile`). The compiled build adds extension modules beside the
source files, and one module that the pure build does not have: generated readers for every shipped
schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final, Literal

from plaudit.events.avro import varint
from plaudit.events.avro.reader_codegen import Read

BUILT: Final = "plaudit.events.built_readers"
"""Module of the compiled build only; its `READERS` are keyed by fingerprint."""

Form = Literal["pure", "compiled"]


def form() -> Form:
    """Return the build kind of this process."""
    return "pure" if str(varint.__file__).endswith(".py") else "compiled"


@cache
def built_readers() -> Mapping[bytes, Read]:
    """Return the compiled readers by fingerprint; empty in the pure build."""
    if form() == "pure":
        return {}
    readers: Mapping[bytes, Read] = import_module(BUILT).READERS
    return readers
