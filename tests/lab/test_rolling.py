"""Processes of every role are replaced under traffic: by another release, and back again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from e2e.rig import PLAUDIT, Rig
from e2e.sink import Sink, good
from lab.previous import SHARED, NoHistory, install
from lab.rolling import ROLES, Callers, Rolling
from plaudit.dev.kafka import FoundKafka
from plaudit.kafka.settings import KafkaSettings
from plaudit.outbox.table import ddl
from postgres import LocalPostgres
from waiting import PROMPTLY_S, until

pytestmark = [
    pytest.mark.broker, pytest.mark.e2e, pytest.mark.tree, pytest.mark.nightly,
    pytest.mark.timeout(420),
]  # fmt: skip

SOME = 40


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `plaudit` of the previous release."""
    try:
        return install(tmp_path_factory.mktemp("previous"), SHARED)
    except NoHistory as error:
        pytest.skip(f"no history to build the previous release from: {error}")


@pytest.fixture
def rolling(
    kafka: FoundKafka, prefix: str, postgres_server: LocalPostgres, tmp_path: Path
) -> Iterator[Rolling]:
    """An installation in an empty database."""
    database = postgres_server.url(postgres_server.new_database())
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=prefix, retry_schedule="1s,2s"
    )
    with Rig(settings, tmp_path) as rig:
        yield Rolling(rig, database)


def test_every_role_is_upgraded_and_rolled_back_and_nothing_is_lost_or_doubled(
    rolling: Rolling, former: Path
) -> None:
    with Sink() as sink:
        rolling.prepare(former)
        with psycopg.connect(rolling.outbox) as connection:
            connection.execute(ddl("postgresql").encode())
        rolling.run(
            former, "endpoints", "add", sink.on("good", good), "--workspace", rolling.rig.workspace
        )
        key = json.loads(rolling.run(former, "keys", "create", "ops", "--scope", "admin", "--json"))
        for role in ("deliver", "deliver", "record", "serve", "relay"):
            rolling.start(role, former)
        callers = Callers(rolling, key["key"])
        until(lambda: is_served(rolling, sink), "the endpoint is served", every_s=1)
        with callers.busy():
            for program in (Path(PLAUDIT), former):
                rolling.prepare(program)
                for role in ROLES:
                    rolling.replace(role, program)
                    callers.go_on(SOME)
        assert callers.failures == []
        settled(rolling, sink, callers)


def is_served(rolling: Rolling, sink: Sink) -> bool:
    """Publish an event; return whether one has arrived: those from before its time are not sent."""
    rolling.rig.publish(1)
    return bool(sink.ids("good"))


def settled(rolling: Rolling, sink: Sink, callers: Callers) -> None:
    """Compare what was accepted with what arrived, and that with the delivery log."""
    wanted = callers.accepted
    arrived = sink.wait_until(lambda: wanted <= sink.ids("good").keys(), PROMPTLY_S)
    assert arrived, f"{len(wanted - sink.ids('good').keys())} of {len(wanted)} are lost"
    found = sink.ids("good")
    doubled = {each: count for each, count in found.items() if count > 1}
    assert doubled == {}
    until(lambda: rolling.recorded() == Counter(found), "the log has every attempt once")
    print(f"\n{len(wanted):,} events, {callers.refused} connections refused and tried elsewhere")
