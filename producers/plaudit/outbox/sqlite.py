"""Outbox in SQLite: a lock on a file beside the database admits one relay."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from plaudit.kafka.waiting import ask_until
from plaudit.outbox.events import WrittenRow
from plaudit.outbox.queue import Backlog, OutboxMissing, OutboxUnavailable
from plaudit.outbox.rows import Row, Unfit, Verdict
from plaudit.outbox.table import TABLE, TableNameRefused, checked

BUSY_S: Final = 10.0
_LOOK_S: Final = 0.02
"""Polling interval; checking the file for changes costs microseconds."""

_BATCH: Final = """
SELECT number, topic, key, value, headers FROM {table}
WHERE refusal IS NULL AND topic NOT IN (SELECT value FROM json_each(?))
ORDER BY number LIMIT {rows}
"""
_BACKLOG: Final = """
SELECT coalesce(sum(refusal IS NULL), 0), coalesce(sum(refusal IS NOT NULL), 0),
    coalesce((julianday('now') - julianday(min(created_at) FILTER (WHERE refusal IS NULL))), 0)
FROM {table}
"""
_DAY_S: Final = 86_400

Make = Callable[[WrittenRow], Row | Unfit]


class SqliteQueue:
    """Outbox table of an upstream service (see `plaudit.outbox.queue.Queue`).

    Args:
        path: path of the database file, which must exist.
        make: converts a row into a record.
        table: name of the table.
        batch: maximum rows of a batch.
        batch_bytes: maximum bytes of a batch's values, except that one row is always allowed.

    Raises:
        TableNameRefused: `table` is not a valid name, or has a schema.
    """

    def __init__(
        self,
        path: Path,
        make: Make,
        table: str = TABLE,
        *,
        batch: int = 1_000,
        batch_bytes: int = 8 * 1024 * 1024,
    ) -> None:
        if "." in checked(table):
            raise TableNameRefused(table)
        self._path = path
        self._make = make
        self._table = table
        self._rows = batch
        self._bytes = batch_bytes
        self._connection: sqlite3.Connection | None = None
        self._lock: IO[str] | None = None
        self._left_out: list[str] = []

    def acquire(self) -> bool:
        """Lock the file beside the database; the lock ends with its process."""
        if self._lock is not None:
            return True
        with self._session():
            lock = self._path.with_name(f"{self._path.name}-{self._table}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def release(self) -> None:
        """Close the database and release the lock."""
        if self._connection is not None:
            self._connection.close()
        if self._lock is not None:
            self._lock.close()
        self._connection, self._lock = None, None

    def batch(self) -> Sequence[Row | Unfit]:
        """Return the first rows, as records."""
        rows: list[Row | Unfit] = []
        size = 0
        with self._session() as connection:
            query = _BATCH.format(table=self._table, rows=self._rows)
            for row in connection.execute(query, (json.dumps(self._left_out),)):
                written = WrittenRow(*row)
                rows.append(self._make(written))
                size += len(bytes(row[3], "utf-8")) if isinstance(row[3], str) else len(row[3])
                if size >= self._bytes:
                    break
        return rows

    def settle(self, verdict: Verdict) -> None:
        """Delete published rows; store the reason in refused rows."""
        table = self._table
        with self._session() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                f"DELETE FROM {table} WHERE number = ?",  # noqa: S608 - a checked name
                ((number,) for number in verdict.published),
            )
            connection.executemany(
                f"UPDATE {table} SET refusal = ? WHERE number = ?",  # noqa: S608 - a checked name
                ((reason, number) for number, reason in verdict.refused),
            )
            connection.execute("COMMIT")

    def wait(self, timeout_s: float) -> None:
        """Wait until another process writes to the file, up to this time."""
        with self._session() as connection:
            ask = connection.execute
            before = ask("PRAGMA data_version").fetchone()
            ask_until(
                lambda: ask("PRAGMA data_version").fetchone() != before, timeout_s, every_s=_LOOK_S
            )

    def leave_out(self, topics: Collection[str]) -> None:
        """Exclude rows of these topics from later batches."""
        self._left_out = list(topics)

    def backlog(self) -> Backlog:
        """Count the rows."""
        with self._session() as connection:
            row = connection.execute(_BACKLOG.format(table=self._table)).fetchone()
        return Backlog(row[0], row[1], row[2] * _DAY_S)

    def retry(self) -> int:
        """Make refused rows eligible again; return their number."""
        change = "UPDATE {table} SET refusal = NULL WHERE refusal IS NOT NULL"
        query = change.format(table=self._table)
        with self._session() as connection:
            return connection.execute(query).rowcount

    @contextmanager
    def _session(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection, and reopen it after an error.

        Raises:
            OutboxMissing: the file or the table does not exist.
            OutboxUnavailable: any other error of SQLite.
        """
        try:
            if self._connection is None:
                # A misspelt path must not create a database.
                address = f"{self._path.resolve().as_uri()}?mode=rw"
                self._connection = sqlite3.connect(
                    address, timeout=BUSY_S, isolation_level=None, uri=True
                )
            yield self._connection
        except sqlite3.Error as error:
            self._forget()
            if not self._path.exists() or "no such" in str(error):
                msg = f"{self._path}: {error}; make the table: plaudit outbox ddl --dialect sqlite"
                raise OutboxMissing(msg) from None
            msg = f"{self._path}: {error}"
            raise OutboxUnavailable(msg) from None

    def _forget(self) -> None:
        """Drop the connection after an error, which rolls back an open transaction."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
