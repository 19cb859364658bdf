"""Relay from the store's outbox to the `endpoints` topic, in order and at least once.

One relay works at a time. For each note, it writes the endpoint's current state. So a repeated or
late note is harmless: workers ignore versions older than the one they know. `plaudit.outbox.relay`,
which also relays events of upstream services, moves the rows.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from plaudit.endpoints.binding import bind
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.summary import HEAD_START_MS
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.waiting import ask_until
from plaudit.kafka.write.producer import Producer
from plaudit.outbox import relay as outbox
from plaudit.outbox.rows import Row, Verdict
from plaudit.records.times import wall_ms
from plaudit.store.db.database import reading
from plaudit.store.db.tables import ENDPOINTS, LEASES, OUTBOX
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.rows import StoredEndpoint, record_of

LEASE: Final = "relay"
LEASE_MS: Final = 15_000
ANNOUNCE: Final = "announce the endpoint"
BATCH: Final = 500
ACK_TIMEOUT_S: Final = 10.0
"""Shorter than the lease, so that a relay never writes after its lease has expired."""


class Relay:
    """Writes endpoints to their topic.

    Args:
        engine: the database.
        producer: producer to write with.
        topic: `Names.endpoints`.
        keys: keys that encrypt the records.
    """

    def __init__(self, engine: Engine, producer: Producer, topic: str, keys: SecretKeys) -> None:
        self._engine = engine
        self._queue = EndpointQueue(engine, topic, keys)
        self._relay = outbox.Relay(self._queue, producer)

    def run(self, on_progress: Callable[[int], None] = lambda _: None) -> int:
        """Relay the pending notes; return their number, 0 while another relay is active.

        Args:
            on_progress: receives the number of relayed notes after each batch.

        Raises:
            KafkaFailure: not acknowledged; the next run relays the remaining notes.
        """
        settled = 0
        try:
            # Prolong the lease for each batch, because it must outlast the acknowledgements.
            while self._queue.acquire():
                moved = self._relay.move(outbox.deadline(ACK_TIMEOUT_S))
                settled += moved.published
                on_progress(settled)
                if moved.failure is not None:
                    raise moved.failure
                if moved.refusals:
                    raise KafkaFailure(ANNOUNCE, moved.refusals[0][1])
                if moved.published < BATCH:
                    break
        finally:
            self._queue.release()
        return settled

    def waiting(self) -> bool:
        """Return whether notes are pending; reads only.

        Raises:
            DatabaseFailure: the database is unavailable.
        """
        with reading(self._engine) as connection:
            return connection.execute(sa.select(OUTBOX.c.number).limit(1)).first() is not None

    def wait_for(
        self, number: int, timeout_s: float, on_progress: Callable[[int], None] = lambda _: None
    ) -> bool:
        """Relay until this relay or another one has written a note; return False on time-out.

        Args:
            number: number of the note.
            timeout_s: seconds to wait while another relay is active.
            on_progress: receives the number of relayed notes after each batch.

        Raises:
            KafkaFailure: not acknowledged; the next run relays the remaining notes.
        """

        def is_settled() -> bool:
            self.run(on_progress)
            with self._engine.begin() as connection:
                query = sa.select(OUTBOX.c.number).where(OUTBOX.c.number == number)
                return connection.execute(query).first() is None

        return ask_until(is_settled, timeout_s)

    def announce(
        self, number: int, timeout_s: float, on_progress: Callable[[int], None] = lambda _: None
    ) -> str | None:
        """Relay until a note is written; return why it is not. Arguments as for `wait_for`."""
        try:
            if not self.wait_for(number, timeout_s, on_progress):
                return "not acknowledged yet, or another relay is active"
        except KafkaFailure as failure:
            return str(failure)
        return None


class EndpointQueue:
    """The store's outbox as a queue of records (see `plaudit.outbox.queue.Queue`).

    Args:
        engine: the database.
        topic: `Names.endpoints`.
        keys: seal the records.
    """

    def __init__(self, engine: Engine, topic: str, keys: SecretKeys) -> None:
        self._engine = engine
        self._topic = topic
        self._keys = keys
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def acquire(self) -> bool:
        """Take the lease, or prolong it; return False while another process holds it."""
        now = wall_ms()
        mine = {"owner": self._owner, "expires_at": now + LEASE_MS}
        free = sa.or_(LEASES.c.expires_at < now, LEASES.c.owner == self._owner)
        with self._engine.begin() as connection:
            query = LEASES.update().where(LEASES.c.name == LEASE, free).values(**mine)
            if connection.execute(query).rowcount:
                return True
            held = sa.select(LEASES.c.owner).where(LEASES.c.name == LEASE)
            if connection.execute(held).first() is not None:
                return False
        try:
            with self._engine.begin() as connection:
                connection.execute(LEASES.insert().values(name=LEASE, **mine))
        except IntegrityError:
            return False  # another process was faster
        return True

    def release(self) -> None:
        """Give up the lease, if this process holds it."""
        with self._engine.begin() as connection:
            connection.execute(
                LEASES.delete().where(LEASES.c.name == LEASE, LEASES.c.owner == self._owner)
            )

    def batch(self) -> Sequence[Row]:
        """Return records for the oldest notes, with the current state of their endpoints."""
        query = sa.select(OUTBOX.c.number, OUTBOX.c.endpoint_id).order_by(OUTBOX.c.number)
        with self._engine.begin() as connection:
            notes = [(row[0], row[1]) for row in connection.execute(query.limit(BATCH))]
            values = self._values(connection, {note[1] for note in notes})
        return [
            Row(number, self._topic, endpoint_id.encode(), values.get(endpoint_id))
            for number, endpoint_id in notes
        ]

    def _values(self, connection: Connection, ids: Collection[str]) -> dict[str, bytes]:
        """Return the records of endpoints; a removed endpoint has none and becomes a tombstone."""
        served = _served_in_time(connection, rows.find_each(connection, ids).values())
        return {each.endpoint_id: bind(record_of(each), self._keys) for each in served}

    def settle(self, verdict: Verdict) -> None:
        """Delete the notes that are in Kafka, and mark their endpoints as announced.

        A note stays if the brokers will never accept its record: the topic's size limit is too
        small, and an operator has to raise it.
        """
        acknowledged = OUTBOX.c.number.in_(verdict.published)
        with self._engine.begin() as connection:
            known = sa.select(OUTBOX.c.endpoint_id).where(acknowledged)
            connection.execute(
                ENDPOINTS.update().where(ENDPOINTS.c.endpoint_id.in_(known)).values(announced=True)
            )
            connection.execute(OUTBOX.delete().where(acknowledged))


def _served_in_time(
    connection: Connection, endpoints: Iterable[StoredEndpoint]
) -> list[StoredEndpoint]:
    """Return endpoints whose service starts late enough that every worker knows them by then."""
    earliest = wall_ms() + HEAD_START_MS // 2
    active_from = earliest + HEAD_START_MS // 2
    in_time, late = [], []
    for endpoint in endpoints:
        if endpoint.announced or endpoint.active_from >= earliest:
            in_time.append(endpoint)
        else:  # the note waited for long
            late.append(replace(endpoint, active_from=active_from))
    if late:
        connection.execute(
            ENDPOINTS.update()
            .where(ENDPOINTS.c.endpoint_id.in_([each.endpoint_id for each in late]))
            .values(active_from=active_from)
        )
    return in_time + late
