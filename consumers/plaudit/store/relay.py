"""From the outbox to Kafka: one relay at a time, in order, at least once.

What is written is the endpoint's state at that moment, so a note that is relayed twice, or late,
does no harm: deliverers ignore versions older than what they know.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from plaudit.kafka.errors import KafkaUnavailable
from plaudit.kafka.producer import Producer
from plaudit.records.endpoint import encode_endpoint
from plaudit.store.endpoints import find, record_of
from plaudit.store.tables import ENDPOINTS, LEASES, OUTBOX

LEASE: Final = "relay"
LEASE_MS: Final = 15_000
BATCH: Final = 500
ACK_TIMEOUT_S: Final = 10.0
"""Shorter than the lease: whoever holds it never writes after it ran out."""
HEAD_START_MS: Final = 2_000
"""Between acceptance and service of an endpoint: time in which every worker reads of it."""


class Relay:
    """Writes endpoints to their topic.

    Args:
        engine: the database.
        producer: to write with.
        topic: `Names.endpoints`.
    """

    def __init__(self, engine: Engine, producer: Producer, topic: str) -> None:
        self._engine = engine
        self._producer = producer
        self._topic = topic
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def run(self) -> int:
        """Relay what is there; return how many notes were settled, 0 when another relay is at it.

        Raises:
            KafkaFailure: not acknowledged; the notes stay for the next time.
        """
        if not self._lease():
            return 0
        settled = 0
        try:
            while batch := self._batch():
                settled += self._relay(batch)
        finally:
            self._release()
        return settled

    def wait_for(self, number: int, timeout_s: float) -> bool:
        """Relay until a note is settled, by whomever; False when time is up.

        Raises:
            KafkaFailure: not acknowledged; the notes stay for the next time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self.run()
            with self._engine.begin() as connection:
                query = sa.select(OUTBOX.c.number).where(OUTBOX.c.number == number)
                if connection.execute(query).first() is None:
                    return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)

    def _batch(self) -> list[tuple[int, str]]:
        query = sa.select(OUTBOX.c.number, OUTBOX.c.endpoint_id).order_by(OUTBOX.c.number)
        with self._engine.begin() as connection:
            return [(row[0], row[1]) for row in connection.execute(query.limit(BATCH))]

    def _relay(self, batch: list[tuple[int, str]]) -> int:
        with self._engine.begin() as connection:
            values = {each: self._value(connection, each) for each in {row[1] for row in batch}}
        futures = [
            self._producer.publish(self._topic, value, endpoint_id.encode())
            for endpoint_id, value in values.items()
        ]
        deadline = time.monotonic() + ACK_TIMEOUT_S
        for future in futures:
            try:
                future.result(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                doing = "announce the endpoint"
                raise KafkaUnavailable(doing, "not acknowledged yet") from None
        with self._engine.begin() as connection:
            numbers = [number for number, _ in batch]
            connection.execute(OUTBOX.delete().where(OUTBOX.c.number.in_(numbers)))
            mine = ENDPOINTS.c.endpoint_id.in_(values)
            connection.execute(ENDPOINTS.update().where(mine).values(announced=True))
        return len(batch)

    def _value(self, connection: Connection, endpoint_id: str) -> bytes | None:
        """Return the record of an endpoint's state; None, a tombstone, when it is gone."""
        endpoint = find(connection, endpoint_id)
        if endpoint is None:
            return None
        earliest = int(time.time() * 1_000) + HEAD_START_MS // 2
        if not endpoint.announced and endpoint.active_from < earliest:
            # It took long to get here: served from a moment that every worker can know of.
            active_from = earliest + HEAD_START_MS // 2
            endpoint = replace(endpoint, active_from=active_from)
            connection.execute(
                ENDPOINTS.update()
                .where(ENDPOINTS.c.endpoint_id == endpoint_id)
                .values(active_from=active_from)
            )
        return encode_endpoint(record_of(endpoint))

    def _lease(self) -> bool:
        """Take the lease, unless another one holds it."""
        now = int(time.time() * 1_000)
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

    def _release(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                LEASES.delete().where(LEASES.c.name == LEASE, LEASES.c.owner == self._owner)
            )
