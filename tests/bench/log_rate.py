"""The rate of attempts from Kafka's bytes into the log: `python -m bench.log_rate URL [ENDPOINTS]`.

One process, one core: decoding, rows, the log, and how endpoints are doing, in batches as the
recorder makes them. The database is migrated first; use an empty one. With as many endpoints as a
batch has attempts or more, each attempt has a row of its own in the tables of health and sums.
"""

from __future__ import annotations

import sys
import time
import uuid
from itertools import cycle, islice
from typing import Final

from attempts import attempt
from plaudit.recorder.recorder import MOST
from plaudit.records.attempt import decode_attempt, encode_attempt
from plaudit.store.db.database import connect, migrate
from plaudit.store.log.health import apply_sums, sum_rows
from plaudit.store.log.kinds import SeenKinds
from plaudit.store.log.writer import AttemptRows, insert_new

BATCH: Final = MOST
BATCHES: Final = 10
ENDPOINTS: Final = 200


def encoded(endpoint_id: str, now_ms: int) -> bytes:
    """Return the bytes of an attempt at an endpoint."""
    return encode_attempt(attempt(endpoint_id=endpoint_id, started_at=now_ms))


def main(url: str, endpoints: int = ENDPOINTS) -> None:
    """Measure and print."""
    every = cycle([str(uuid.uuid4()) for _ in range(endpoints)])
    engine = connect(url)
    migrate(engine)
    rows = AttemptRows(engine.dialect.name)
    seen = SeenKinds()
    spent = cpu = 0.0
    for _ in range(BATCHES):
        now_ms = int(time.time() * 1_000)
        values = [encoded(each, now_ms) for each in islice(every, BATCH)]
        began, began_cpu = time.perf_counter(), time.process_time()
        made = [rows.row(decode_attempt(value)) for value in values]
        with engine.begin() as connection:
            apply_sums(connection, sum_rows(insert_new(connection, made, seen)))
        spent += time.perf_counter() - began
        cpu += time.process_time() - began_cpu
    engine.dispose()
    count = BATCH * BATCHES
    print(f"{count:,} attempts in {spent:.1f} s: {count / spent:,.0f}/s, {count / cpu:,.0f}/s CPU")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
