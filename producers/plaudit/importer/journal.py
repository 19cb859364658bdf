"""Import journal of a space on this machine, which makes repeated imports idempotent.

An event's id enters the journal after the brokers have acknowledged it. If an import is killed
before that, the next run publishes the event again with the same id, and receivers drop it. The
same applies to all events if the journal is deleted.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from plaudit.bulk.private import make_private
from plaudit.importer.errors import ImportRefused

if TYPE_CHECKING:
    from typing import Self

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS seen (event_id BLOB PRIMARY KEY, import_id BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS imports (
    import_id BLOB PRIMARY KEY, file TEXT NOT NULL, started_at TEXT NOT NULL, completed_at TEXT
);
"""
# Rows arrive in no particular order of ids, so look-ups touch the whole index.
_CACHE_KB: Final = 65_536


def journal_folder() -> Path:
    """Return the default folder of journals: `$XDG_STATE_HOME/plaudit/imports`."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "plaudit" / "imports"


class Journal:
    """Journal of one space; one import at a time holds it.

    Args:
        folder: folder of the journals.
        space_id: the space.

    Raises:
        ImportRefused: the journal can't be opened, or another import holds it.
    """

    def __init__(self, folder: Path, space_id: UUID) -> None:
        self.path = folder / f"{space_id}.db"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = self.path.with_suffix(".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ImportRefused(f"another import into space {space_id} is running") from None
        except OSError as error:
            raise ImportRefused(f"{self.path}: {error.strerror}; see --journal") from None
        try:
            make_private(self.path)
            self._connection = sqlite3.connect(self.path)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
            self._connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            self._lock.close()
            raise ImportRefused(f"{self.path}: no journal: {error}; see --journal") from None

    def begin(self, import_id: UUID, file: str) -> tuple[datetime, bool]:
        """Record the start of an import; return its first start, and whether it is complete."""
        now = datetime.now(UTC).isoformat()
        with self._connection:
            self._connection.execute(
                "INSERT OR IGNORE INTO imports (import_id, file, started_at) VALUES (?, ?, ?)",
                (import_id.bytes, file, now),
            )
        query = "SELECT started_at, completed_at FROM imports WHERE import_id = ?"
        started, ended = self._connection.execute(query, (import_id.bytes,)).fetchone()
        return datetime.fromisoformat(started), ended is not None

    def known(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the events among these ids (16 bytes each) that were acknowledged before.

        Returns:
            The id of the import that published each of them.
        """
        marks = ",".join("?" * len(ids))
        where = f"event_id IN ({marks})"
        query = f"SELECT event_id, import_id FROM seen WHERE {where}"  # noqa: S608 - only marks
        return dict(self._connection.execute(query, ids))

    def add(self, ids: Iterable[bytes], import_id: UUID) -> None:
        """Record acknowledged events."""
        rows = ((each, import_id.bytes) for each in ids)
        with self._connection:
            self._connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", rows)

    def count(self, import_id: UUID) -> int:
        """Return how many events an import has published over all its runs."""
        query = "SELECT count(*) FROM seen WHERE import_id = ?"
        [found] = self._connection.execute(query, (import_id.bytes,)).fetchone()
        return int(found)

    def complete(self, import_id: UUID) -> None:
        """Record that an import is complete."""
        with self._connection:
            self._connection.execute(
                "UPDATE imports SET completed_at = ? WHERE import_id = ?",
                (datetime.now(UTC).isoformat(), import_id.bytes),
            )

    def close(self) -> None:
        """Release the journal."""
        self._connection.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
