"""The log tells the truth: every settled delivery has its row, whatever is killed."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
import sqlalchemy as sa

from e2e.rig import PROMPTLY_S, Rig
from e2e.sink import Sink, always, failing, good
from plaudit.store.database import open_database, reading
from plaudit.store.tables import ATTEMPTS

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

EVENTS = 120


def logged(url: str) -> Counter[tuple[str, str]]:
    """Count the rows of the log by attempt and outcome."""
    engine = open_database(url)
    try:
        with reading(engine) as connection:
            query = sa.select(ATTEMPTS.c.attempt_id, ATTEMPTS.c.outcome)
            return Counter((row.attempt_id, row.outcome) for row in connection.execute(query))
    finally:
        engine.dispose()


def until(reached: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PROMPTLY_S
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def over(url: str, quota: int) -> bool:
    """Return whether the log has more rows than that."""
    return len(logged(url)) > quota


def test_the_log_has_every_attempt_once_after_kills_of_recorder_and_deliverer(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("good", good))
    rig.endpoint(sink.on("flaky", failing(1)))
    rig.endpoint(sink.on("dead", always(500)))
    logged(rig.database)  # the tables
    deliverer, recorder = rig.worker(), rig.process("record")
    published = rig.publish(EVENTS)
    until(partial(over, rig.database, 30), "nothing is recorded")
    recorder.send_signal(signal.SIGKILL)
    recorder = rig.process("record")
    until(partial(over, rig.database, EVENTS), "the second recorder records nothing")
    for process in (recorder, deliverer):
        process.send_signal(signal.SIGKILL)
    recorder, deliverer = rig.process("record"), rig.worker()
    rig.wait_dead(EVENTS)
    assert set(published) <= sink.ids("good").keys() & sink.ids("flaky").keys()
    assert rig.stop(deliverer) == 0
    told = Counter((each["attempt_id"], each["outcome"]) for each in rig.attempts())
    until(lambda: len(logged(rig.database)) >= len(told), "rows are missing")
    assert rig.stop(recorder) == 0
    assert logged(rig.database) == told
    again = f"sqlite:///{rig.folder / 'rebuilt.db'}"
    assert rig.process("record", "--rebuild", PLAUDIT_DATABASE_URL=again).wait(PROMPTLY_S) == 0
    assert logged(again) == told
    outcomes = Counter(outcome for _, outcome in told)
    assert outcomes["dead"] >= EVENTS
    assert outcomes["delivered"] >= 2 * EVENTS
