"""Outbox in Postgres: an advisory lock admits one relay, and LISTEN/NOTIFY wakes it.

Needs the extra `postgres` (psycopg). Lock and subscription belong to the session: a pooler that
shares sessions between transactions (pgbouncer's `transaction` mode) breaks both.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from plaudit.outbox.events import WrittenRow
from plaudit.outbox.queue import Backlog, OutboxMissing, OutboxUnavailable
from plaudit.outbox.rows import Row, Unfit, Verdict
from plaudit.outbox.table import TABLE, channel, checked

CONNECT_S: Final = 5
_OURS: Final = 0x706C61  # "pla": the first half of our advisory locks
# A database that vanished silently is noticed after about ten seconds.
_IDLE_S: Final = 5
_EVERY_S: Final = 2
_TIMES: Final = 3

# A batch is bounded in rows and in bytes.
_BATCH: Final = """
SELECT number, topic, key, value, headers FROM (
    SELECT *, sum(octet_length(value)) OVER (ORDER BY number) - octet_length(value) AS before
    FROM (
        SELECT * FROM {table} WHERE refusal IS NULL AND topic != ALL(%s::text[])
        ORDER BY number LIMIT {rows}
    ) AS first
) AS measured WHERE before < {size} ORDER BY number
"""
_DELETE: Final = "DELETE FROM {table} WHERE number = ANY(%s)"
_REFUSE: Final = "UPDATE {table} SET refusal = %s WHERE number = %s"
_RETRY: Final = "UPDATE {table} SET refusal = NULL WHERE refusal IS NOT NULL"
_BACKLOG: Final = """
SELECT count(*) FILTER (WHERE refusal IS NULL), count(*) FILTER (WHERE refusal IS NOT NULL),
    coalesce(extract(epoch FROM clock_timestamp() - min(created_at)
        FILTER (WHERE refusal IS NULL)), 0)
FROM {table}
"""

Make = Callable[[WrittenRow], Row | Unfit]
Connection = psycopg.Connection[TupleRow]


class PostgresQueue:
    """Outbox table of an upstream service (see `plaudit.outbox.queue.Queue`).

    Args:
        url: URL of the database, as libpq takes it.
        make: converts a row into a record.
        table: name of the table.
        batch: maximum rows of a batch.
        batch_bytes: maximum bytes of a batch's values, except that one row is always allowed.

    Raises:
        TableNameRefused: `table` is not a valid name.
    """

    def __init__(
        self,
        url: str,
        make: Make,
        table: str = TABLE,
        *,
        batch: int = 1_000,
        batch_bytes: int = 8 * 1024 * 1024,
    ) -> None:
        self._url = url
        self._make = make
        self._channel = channel(checked(table))
        name = sql.Identifier(*table.split("."))
        limits = {"rows": sql.Literal(batch), "size": sql.Literal(batch_bytes)}
        self._statements = {
            text: sql.SQL(text).format(table=name, **limits)
            for text in (_BATCH, _DELETE, _REFUSE, _RETRY, _BACKLOG)
        }
        self._lock = (_OURS, zlib.crc32(table.encode()) - 2**31)
        self._connection: Connection | None = None
        self._held = False
        self._left_out: list[str] = []

    def acquire(self) -> bool:
        """Take the session's lock, unless another relay has it."""
        with self._session() as connection:
            if not self._held:
                query = "SELECT pg_try_advisory_lock(%s, %s)"
                row = connection.execute(query, self._lock).fetchone()
                self._held = row is not None and bool(row[0])
                if self._held:
                    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        return self._held

    def release(self) -> None:
        """Close the session, which releases the lock."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._held = None, False

    def batch(self) -> Sequence[Row | Unfit]:
        """Return the first rows, as records."""
        with self._session() as connection:
            cursor = connection.execute(self._statements[_BATCH], (self._left_out,), binary=True)
            written = cursor.fetchall()
        return [self._make(WrittenRow(*row)) for row in written]

    def settle(self, verdict: Verdict) -> None:
        """Delete published rows; store the reason in refused rows."""
        with self._session() as connection, connection.transaction():
            if verdict.published:
                connection.execute(self._statements[_DELETE], (verdict.published,))
            for number, reason in verdict.refused:
                # Postgres does not accept NUL in a text.
                told = reason.replace("\0", "?")
                connection.execute(self._statements[_REFUSE], (told, number))

    def wait(self, timeout_s: float) -> None:
        """Wait for a notification of new rows, up to this time."""
        with self._session() as connection:
            for _ in connection.notifies(timeout=timeout_s, stop_after=1):
                pass

    def leave_out(self, topics: Collection[str]) -> None:
        """Exclude rows of these topics from later batches."""
        self._left_out = list(topics)

    def backlog(self) -> Backlog:
        """Count the rows."""
        with self._session() as connection:
            row = connection.execute(self._statements[_BACKLOG]).fetchone()
        return Backlog(0, 0, 0.0) if row is None else Backlog(row[0], row[1], float(row[2]))

    def retry(self) -> int:
        """Make refused rows eligible again; return their number."""
        with self._session() as connection:
            return connection.execute(self._statements[_RETRY]).rowcount

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """Yield the session, and reopen it after an error. A lock ends with its session.

        Raises:
            OutboxMissing: the table does not exist.
            OutboxUnavailable: any other error of the database or its connection.
        """
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._url,
                    autocommit=True,
                    connect_timeout=CONNECT_S,
                    keepalives_idle=_IDLE_S,
                    keepalives_interval=_EVERY_S,
                    keepalives_count=_TIMES,
                )
            yield self._connection
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            self.release()
            said = str(error).partition("\n")[0]
            msg = f"{said}; make the table: plaudit outbox ddl --dialect postgresql"
            raise OutboxMissing(msg) from None
        except psycopg.Error as error:
            self.release()
            raise OutboxUnavailable(" ".join(str(error).split())) from None
