"""The log tells the truth: every settled delivery has its row, whatever is killed."""

from __future__ import annotations

import signal
from collections import Counter
from functools import partial

import httpx
import pytest
import sqlalchemy as sa

from e2e.rig import Rig, free_port, ready
from e2e.sink import Sink, always, failing, good
from plaudit.store.access.api_keys import KeyService, Scope
from plaudit.store.db.database import connect, migrate, open_database, reading
from plaudit.store.db.tables import ATTEMPTS
from postgres import LocalPostgres, find_programs
from waiting import PROMPTLY_S, until, until_equal

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
    until(partial(over, rig.database, 30), "30 rows are recorded", every_s=0.2)
    recorder.send_signal(signal.SIGKILL)
    recorder = rig.process("record")
    until(partial(over, rig.database, EVENTS), "the second recorder records", every_s=0.2)
    for process in (recorder, deliverer):
        process.send_signal(signal.SIGKILL)
    recorder, deliverer = rig.process("record"), rig.worker()
    started = partial(rig.logged, "partitions.assigned")
    until(lambda: bool(started(3) and started(4)), "both are started, so that they can be stopped")
    rig.wait_dead(EVENTS)
    assert set(published) <= sink.ids("good").keys() & sink.ids("flaky").keys()
    assert rig.stop(deliverer) == 0
    told = Counter((each["attempt_id"], each["outcome"]) for each in rig.attempts())
    until(lambda: len(logged(rig.database)) >= len(told), "every row is there", every_s=0.2)
    assert rig.stop(recorder) == 0
    assert logged(rig.database) == told
    again = f"sqlite:///{rig.folder / 'rebuilt.db'}"
    assert rig.process("record", "--rebuild", PLAUDIT_DATABASE_URL=again).wait(PROMPTLY_S) == 0
    assert logged(again) == told
    outcomes = Counter(outcome for _, outcome in told)
    assert outcomes["dead"] >= EVENTS
    assert outcomes["delivered"] >= 2 * EVENTS


def test_a_killed_database_costs_no_row_no_endpoint_and_no_delivery(rig: Rig, sink: Sink) -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip("no Postgres: install its server")
    rig.endpoint(sink.on("good", good))
    rig.endpoint(sink.on("dead", always(500)))
    with LocalPostgres(programs) as server:
        url, port = server.url(), free_port()
        engine = connect(url)
        migrate(engine)
        _, text = KeyService(engine).create(Scope.WORKSPACE, rig.workspace, "test")
        engine.dispose()
        key = {"authorization": f"Bearer {text}"}
        base = f"http://127.0.0.1:{port}"
        deliverer, recorder = rig.worker(), rig.process("record", PLAUDIT_DATABASE_URL=url)
        serving = rig.process("serve", PLAUDIT_DATABASE_URL=url, PLAUDIT_API_PORT=str(port))
        published = rig.publish(EVENTS // 2)
        until(partial(over, url, 30), "30 rows are recorded", every_s=0.2)
        until_equal(lambda: ready(base), 200)
        made = httpx.post(
            f"{base}/v1/endpoints", headers=key, json={"url": sink.on("late", good)}, timeout=30
        )
        server.kill()  # the answer was given: what it said has to hold
        assert made.status_code in {201, 202}, made.text
        refused = httpx.get(f"{base}/v1/endpoints", headers=key, timeout=30)
        assert refused.status_code == 503
        until_equal(lambda: ready(base), 503)  # it asks once a second
        published += rig.publish(EVENTS // 2)
        rig.wait_dead(EVENTS)  # deliveries wait for no database
        server.start()
        until_equal(lambda: ready(base), 200)
        until(lambda: bool(sink.ids("late")) or not rig.publish(1), "the endpoint is served")
        for process in (deliverer, serving):
            assert rig.stop(process) == 0
        told = Counter((each["attempt_id"], each["outcome"]) for each in rig.attempts())
        until(lambda: len(logged(url)) >= len(told), "every row is there", every_s=0.2)
        assert rig.stop(recorder) == 0
        assert logged(url) == told
        assert set(published) <= sink.ids("good").keys()
