"""Static files in memory, compressed once, with the digest of their content in the address."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOLDER: Final = "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file.

    Attributes:
        digest: digest of the content; part of its address, so that browsers may cache it forever.
        packed: the compressed content.
    """

    name: str
    media_type: str
    digest: str
    content: bytes
    packed: bytes


@cache
def assets() -> dict[str, Asset]:
    """Return the static files by name."""
    found = {}
    for path in (files("plaudit.console") / _FOLDER).iterdir():
        suffix = f".{path.name.rpartition('.')[2]}"
        if suffix not in _TYPES:
            continue
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:16]
        packed = gzip.compress(content, 9, mtime=0)
        found[path.name] = Asset(path.name, _TYPES[suffix], digest, content, packed)
    return found


def asset_url(base: str, name: str) -> str:
    """Return the address of a static file below an application's base."""
    return f"{base}/static/{assets()[name].digest}/{name}"
