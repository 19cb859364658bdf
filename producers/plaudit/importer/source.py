"""Source and target of an import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from typing import Final
from uuid import UUID

import orjson

from plaudit.importer.cells import LINE, REASON
from plaudit.importer.errors import ImportRefused
from plaudit.importer.fields import Mapped
from plaudit.importer.files import ReviewFile
from plaudit.importer.names import TargetField
from plaudit.importer.rows import Read

CHUNK: Final = 500
"""Rows per look-up in the journal."""
NO_PLATFORM: Final = "import"
"""Platform of reviews that name none."""


@dataclass(frozen=True)
class Source:
    """Source and target of an import.

    Attributes:
        file: the file.
        mapped: source of each field's value.
        target: space for the reviews.
    """

    file: ReviewFile
    mapped: Mapped
    target: TargetField

    def import_id(self) -> UUID:
        """Return the id of the import; reads the file once.

        The mapping is part of it: with another mapping, the same file has other reviews.
        """
        options = {
            **asdict(self.mapped),
            "list": self.file.found.path,
            "scale": self.target.rating_scale,
            "ids_from_content": self.target.ids_from_content,
        }
        mapping = orjson.dumps(options, option=orjson.OPT_SORT_KEYS)
        return self.target.import_id(sha256(self.file.digest() + mapping).digest())

    def count(self) -> int:
        """Return the number of rows; reads the file once.

        Raises:
            ImportRefused: it has none.
        """
        rows = sum(1 for _ in self.file.rows())
        if not rows:
            raise ImportRefused(f"{self.file.path}: it has no rows")
        return rows

    def dropped(self) -> list[str]:
        """Return the columns that are not imported, from the first rows."""
        used = self.mapped.used() | {LINE, REASON}
        # A path into an object is used where the object is, too.
        return [name for name in self.file.seen if name not in used]

    @property
    def platform(self) -> str:
        """Platform that `import.completed` names."""
        return (self.mapped.values.get("platform") or NO_PLATFORM).lower()


def chunks(rows: Iterable[Read]) -> Iterator[list[Read]]:
    """Yield rows in lists of at most CHUNK."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
