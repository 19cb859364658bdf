"""From the store's outbox to the endpoints topic: one relay at a time, in order, at least once.

What is written is the endpoint's state at that moment, so a note that is relayed twice, or late,
does no harm: deliverers ignore versions older than what they know. The rows are the store's own;
moving them is `plaudit.outbox.relay`, the same as for events of upstream services.
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
"""Shorter than the lease: whoever holds it never writes after it ran out."""


class Relay:
    """Writes endpoints to their topic.

    Args:
        engine: the database.
        producer: producer to write with.
        topic: `Names.endpoints`.
        keys: seal the records.
    """

    def __init__(self, engine: Engine, producer: Producer, topic: str, keys: SecretKeys) -> None:
        self._engine = engine
        self._queue = EndpointQueue(engine, topic, keys)
        self._relay = outbox.Relay(self._queue, producer)

    def run(self, told: Callable[[int], None] = lambda _: None) -> int:
        """Relay the waiting notes; return how many were settled, 0 while another relay is active.

        Args:
            told: receives the number of settled notes after each batch.

        Raises:
            KafkaFailure: not acknowledged; the notes stay for the next time.
        """
        settled = 0
        try:
            # Taken again for each batch: it must outlast the acknowledgements.
            while self._queue.acquire():
                moved = self._relay.move(outbox.deadline(ACK_TIMEOUT_S))
                settled += moved.published
                told(settled)
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
        """Return whether notes are waiting; reads only.

        Raises:
            DatabaseFailure: the database can't be used now.
        """
        with reading(self._engine) as connection:
            return connection.execute(sa.select(OUTBOX.c.number).limit(1)).first() is not None

    def wait_for(
        self, number: int, timeout_s: float, told: Callable[[int], None] = lambda _: None
    ) -> bool:
        """Relay until this relay or another one has settled a note; False when time is up.

        Args:
            number: number of the note.
            timeout_s: seconds to wait while another relay is active.
            told: receives the number of settled notes after each batch.

        Raises:
            KafkaFailure: not acknowledged; the notes stay for the next time.
        """

        def is_settled() -> bool:
            self.run(told)
            with self._engine.begin() as connection:
                query = sa.select(OUTBOX.c.number).where(OUTBOX.c.number == number)
                return connection.execute(query).first() is None

        return ask_until(is_settled, timeout_s)

    def tell(
        self, number: int, timeout_s: float, told: Callable[[int], None] = lambda _: None
    ) -> str | None:
        """Relay until a note is settled; return why it is not; arguments as for `wait_for`."""
        try:
            if not self.wait_for(number, timeout_s, told):
                return "not acknowledged yet, or another relay is at it"
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
        """Take the lease, or prolong it; False while another one holds it."""
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
            return False  # another one was quicker
        return True

    def release(self) -> None:
        """Give the lease back, if it is held here."""
        with self._engine.begin() as connection:
            connection.execute(
                LEASES.delete().where(LEASES.c.name == LEASE, LEASES.c.owner == self._owner)
            )

    def batch(self) -> Sequence[Row]:
        """Return a record of its endpoint's state for each of the first notes."""
        query = sa.select(OUTBOX.c.number, OUTBOX.c.endpoint_id).order_by(OUTBOX.c.number)
        with self._engine.begin() as connection:
            notes = [(row[0], row[1]) for row in connection.execute(query.limit(BATCH))]
            values = self._values(connection, {note[1] for note in notes})
        return [
            Row(number, self._topic, endpoint_id.encode(), values.get(endpoint_id))
            for number, endpoint_id in notes
        ]

    def _values(self, connection: Connection, ids: Collection[str]) -> dict[str, bytes]:
        """Return the records of endpoints' states; those without one are gone: a tombstone."""
        served = _served_in_time(connection, rows.find_each(connection, ids).values())
        return {each.endpoint_id: bind(record_of(each), self._keys) for each in served}

    def settle(self, verdict: Verdict) -> None:
        """Drop notes that were written to Kafka, and mark their endpoints as written.

        A note whose record is refused for good stays: its topic is too small, which is for an
        operator to change.
        """
        told = OUTBOX.c.number.in_(verdict.published)
        with self._engine.begin() as connection:
            known = sa.select(OUTBOX.c.endpoint_id).where(told)
            connection.execute(
                ENDPOINTS.update().where(ENDPOINTS.c.endpoint_id.in_(known)).values(announced=True)
            )
            connection.execute(OUTBOX.delete().where(told))


def _served_in_time(
    connection: Connection, endpoints: Iterable[StoredEndpoint]
) -> list[StoredEndpoint]:
    """Return endpoints that are served from a moment that every worker can know of."""
    earliest = wall_ms() + HEAD_START_MS // 2
    active_from = earliest + HEAD_START_MS // 2
    told, late = [], []
    for endpoint in endpoints:
        if endpoint.announced or endpoint.active_from >= earliest:
            told.append(endpoint)
        else:  # it took long to get here
            late.append(replace(endpoint, active_from=active_from))
    if late:
        connection.execute(
            ENDPOINTS.update()
            .where(ENDPOINTS.c.endpoint_id.in_([each.endpoint_id for each in late]))
            .values(active_from=active_from)
        )
    return told + late
