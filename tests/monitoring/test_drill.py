"""Each alert fires when its fault happens, and ends after the step of its section of the runbook.

Processes of every role run against a broker and a Postgres of their own. Prometheus scrapes them
and evaluates the rules with shorter times (see `monitoring.shortened`). `-s` prints the table.
"""

from __future__ import annotations

import base64
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from conftest import FENCED_SOON, delete_before
from e2e.sink import good
from monitoring.drill import Drill, faulty
from monitoring.prometheus_server import PrometheusServer
from monitoring.shortened import shortened
from plaudit.cli.docs.monitoring.alerts import ALERTS
from plaudit.cli.docs.monitoring.rules import rules
from plaudit.dev.kafka import LocalKafka
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.kafka.read.consumer import Partition
from plaudit.records.endpoint import encode_endpoint, split_endpoint
from postgres import LocalPostgres
from waiting import until

pytestmark = [
    pytest.mark.broker, pytest.mark.e2e, pytest.mark.nightly, pytest.mark.tree,
    pytest.mark.timeout(300),
]  # fmt: skip

NO_SCHEMA: Final = b"\xc3\x01" + b"\x07" * 8 + b"an event of tomorrow"
SKEWED: Final = Path(__file__).parents[1] / "lab" / "skewed.py"
HISTORY_S: Final = 40.0
"""Seconds of success before the first fault: more than an hour of the shortened rules."""
SLOWEST_S: Final = 240.0
"""The slow alerts end when six hours are over, three minutes of the shortened rules."""
SLOW: Final = ("PlauditDeliverySuccessBurnsSlowly", "PlauditLatenessBurnsSlowly")


@pytest.fixture(scope="module")
def drill(
    postgres_server: LocalPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Drill]:
    """An installation that has been well for more than an hour of the shortened rules."""
    try:
        broker = LocalKafka(nodes=3, overrides=FENCED_SOON)
    except KafkaNotFound as error:
        pytest.skip(f"no local Kafka: {error}")
    folder = tmp_path_factory.mktemp("drill")
    with broker, Drill(broker, postgres_server, folder, "drill.") as made:
        ports = made.ports.values()
        with PrometheusServer(folder, shortened(rules()), ports) as prometheus:
            made.watched_by(prometheus)
            began = time.monotonic()
            until(lambda: time.monotonic() > began + HISTORY_S, "some history", HISTORY_S + 5)
            yield made
        print(f"\n{made.table()}")


@pytest.fixture(autouse=True)
def _mended(drill: Drill) -> Iterator[None]:
    """Let no scene leave anything broken for the next one."""
    yield
    drill.restore()


def test_nothing_fires_while_all_is_well(drill: Drill) -> None:
    assert drill.prometheus.firing() == set()


def test_endpoints_that_all_fail(drill: Drill) -> None:
    fast = ("PlauditMostAttemptsFail", "PlauditDeliverySuccessBurnsFast")
    burns = ("PlauditDeliverySuccessBurns", "PlauditDeliverySuccessBurnsSlowly")
    others = ("PlauditDeliveriesGivenUp", "PlauditCircuitsOpen")
    with drill.scene("every endpoint answers 500") as scene:
        drill.status = 500
        scene.fires(*fast, *burns, *others, within_s=180)
        drill.status = 200
        scene.act("endpoints answer again; `plaudit dlq redrive --reason exhausted`")
        scene.ends(*fast, "PlauditDeliverySuccessBurns", *others, within_s=240)
        drill.run("dlq", "redrive", "--reason", "exhausted", "--yes")


def test_a_record_with_an_unknown_schema(drill: Drill) -> None:
    late = ("PlauditLatenessBurnsFast", "PlauditLatenessBurns", "PlauditLatenessBurnsSlowly")
    with drill.scene("a record with an unknown schema") as scene:
        drill.rig.write(drill.settings.names.event_topics[0], b"key", NO_SCHEMA)
        scene.fires("PlauditPartitionBlocked", "PlauditLagGrows", *late)
        [place] = until(drill.blocked, "`plaudit status` names the record")
        scene.act("`plaudit records unblock`")
        drill.run("records", "unblock", place, "--yes")
        scene.ends("PlauditPartitionBlocked", "PlauditLagGrows", *late[:2])


def test_a_record_that_can_not_be_read_as_an_event(drill: Drill) -> None:
    with drill.scene("a record that is not an event") as scene:
        drill.rig.write(drill.settings.names.event_topics[0], b"key", b"nonsense")
        scene.fires("PlauditRecordsUndecodable")
        scene.act("the producer is corrected; `plaudit dlq purge --kind events`")
        drill.run("dlq", "purge", "--kind", "events", "--all", "--yes")
        scene.ends("PlauditRecordsUndecodable")


def test_a_producer_that_writes_nonsense_without_end(drill: Drill) -> None:
    topic = drill.settings.names.event_topics[1]
    with drill.scene("400 records that are not events, in one partition") as scene:
        for _ in range(400):
            drill.rig.write(topic, b"key", b"nonsense")
        scene.fires("PlauditPartitionFlooded")
        [place] = until(drill.blocked, "`plaudit status` names the record")
        scene.act("`plaudit records unblock`")
        drill.run("records", "unblock", place, "--yes")
        scene.ends("PlauditPartitionFlooded", within_s=90)


def test_too_few_replicas_in_sync(drill: Drill) -> None:
    # Two of three brokers would take the quorum of the controllers with them.
    drill.configure(drill.settings.names.attempts, min_insync_replicas="3")
    with drill.scene("too few in-sync replicas of `attempts`") as scene:
        drill.broker.nodes[2].kill()
        scene.fires("PlauditBrokersSilent")
        scene.act("the broker starts")
        drill.broker.start()
        scene.ends("PlauditBrokersSilent", within_s=120)
    drill.configure(drill.settings.names.attempts, min_insync_replicas="2")


def test_a_topic_that_was_deleted(drill: Drill) -> None:
    tier = drill.settings.names.deliveries(drill.settings.tiers[-1])
    with drill.scene("the topic of the last retry is deleted") as scene:
        admin = AdminClient({"bootstrap.servers": drill.broker.bootstrap})
        admin.delete_topics([tier])[tier].result(30)
        drill.status = 500
        scene.fires("PlauditWritesFail", within_s=120)
        drill.status = 200
        scene.act("`plaudit topics apply`")
        drill.run("topics", "apply")
        scene.ends("PlauditWritesFail", within_s=120)


def test_brokers_that_stop(drill: Drill) -> None:
    names = ("PlauditEndpointTableOld", "PlauditRecorderWaiting", "PlauditOutboxStopped")
    with drill.scene("all brokers stop") as scene:
        drill.broker.kill()
        drill.enqueue(drill.rig.event())
        scene.fires(*names, within_s=120)
        scene.act("the brokers start")
        drill.broker.start()
        scene.ends(*names, within_s=120)


def test_a_killed_worker(drill: Drill) -> None:
    names = ("PlauditLaneWithoutWorker", "PlauditProcessMissing")
    with drill.scene("the only worker is killed") as scene:
        drill.kill("deliver")
        scene.fires(*names)
        scene.act("another worker is started")
        drill.start("deliver")
        scene.ends(*names)


def test_a_stopped_recorder(drill: Drill) -> None:
    with drill.scene("the recorder is stopped") as scene:
        drill.stop("record")
        scene.fires("PlauditRecorderMissing", "PlauditProcessMissing")
        scene.act("another recorder is started")
        drill.start("record")
        scene.ends("PlauditRecorderMissing", "PlauditProcessMissing")


@pytest.mark.parametrize("role", ["serve", "relay"])
def test_a_killed_process_of_another_role(drill: Drill, role: str) -> None:
    with drill.scene(f"the only `{role}` is killed") as scene:
        drill.kill(role)
        scene.fires("PlauditProcessMissing")
        scene.act("another one is started")
        drill.start(role)
        scene.ends("PlauditProcessMissing")


def test_a_database_that_dies(drill: Drill) -> None:
    names = ("PlauditRecorderWaiting", "PlauditRecorderBehind", "PlauditApiErrors")
    with drill.scene("the database is killed") as scene:
        drill.postgres.kill()
        with drill.asked():
            scene.fires(*names, within_s=120)
        scene.act("the database starts")
        drill.postgres.start()
        with drill.asked():
            scene.ends(*names, within_s=120)


def test_a_row_that_can_not_be_published(drill: Drill) -> None:
    row = "INSERT INTO plaudit_outbox (topic, key, value, headers) VALUES ('t', 'k', 'v', 'x')"
    with drill.scene("a row of the outbox that is not an event") as scene:
        drill.sql(row)
        scene.fires("PlauditOutboxRefused")
        scene.act("the row is removed")
        drill.sql("DELETE FROM plaudit_outbox WHERE refusal IS NOT NULL")
        scene.ends("PlauditOutboxRefused")


def test_a_record_of_attempts_that_is_none(drill: Drill) -> None:
    with drill.scene("a foreign record in `attempts`") as scene:
        drill.rig.write(drill.settings.names.attempts, b"key", b"nonsense")
        scene.fires("PlauditAttemptsUnreadable")
        scene.act("the other program stops")
        scene.ends("PlauditAttemptsUnreadable")


def test_a_worker_with_a_wrong_secret_key(drill: Drill) -> None:
    with drill.scene("a worker with a wrong secret key") as scene:
        drill.start("second", PLAUDIT_SECRET_KEY="A" * 43 + "=")
        scene.fires("PlauditEndpointsUnreadable")
        scene.act("the worker is stopped")
        drill.stop("second")
        scene.ends("PlauditEndpointsUnreadable")


def test_an_endpoint_whose_key_the_processes_lack(drill: Drill) -> None:
    names = ("PlauditKeyMissing", "PlauditEndpointsUnreadable")
    with drill.scene("an endpoint is added with a key that the processes lack") as scene:
        strange = base64.b64encode(os.urandom(32)).decode()
        url = drill.sink.on("strange", good)
        where = ("--workspace", drill.rig.workspace, "--name", "strange")
        drill.run("endpoints", "add", url, *where, PLAUDIT_SECRET_KEY=strange)
        scene.fires(*names)
        scene.act("`plaudit endpoints remove`; it is added with the right key")
        drill.run("endpoints", "remove", "strange", "--yes", PLAUDIT_SECRET_KEY=strange)
        scene.ends(*names)


def test_a_rotation_of_the_key_that_is_not_finished(drill: Drill) -> None:
    old, new = drill.environment["PLAUDIT_SECRET_KEY"], base64.b64encode(os.urandom(32)).decode()
    with drill.scene("the secret key is rotated, and nothing resealed") as scene:
        drill.environment["PLAUDIT_SECRET_KEY"] = f"{new},{old}"
        for role in ("deliver", "record", "serve"):
            drill.stop(role)
            drill.start(role)
        scene.fires("PlauditResealPending")
        scene.act("`plaudit endpoints reseal`")
        drill.run("endpoints", "reseal")
        scene.ends("PlauditResealPending")


def test_an_endpoint_record_that_another_program_wrote(drill: Drill) -> None:
    topic = drill.settings.names.endpoints
    [record, *_] = [each for each in drill.rig.read(topic) if each.value()]
    with drill.scene("a record of `endpoints` with a field that was changed") as scene:
        fields, length = split_endpoint(record.value())
        fields["rate_limit"], fields["version"] = 1.0, fields["version"] + 1
        drill.rig.write(topic, record.key(), encode_endpoint(fields) + record.value()[length:])
        scene.fires("PlauditEndpointRecordsForged")
        scene.act("`plaudit endpoints sync`")
        drill.run("endpoints", "sync")
        scene.ends("PlauditEndpointRecordsForged")


def test_a_topic_that_refuses_large_records(drill: Drill) -> None:
    names = drill.settings.names
    tier = names.deliveries(drill.settings.tiers[0])
    with drill.scene("a topic refuses records over 300 bytes") as scene:
        drill.configure(tier, max_message_bytes="300")
        drill.status = 500
        scene.fires("PlauditWritesRefused")
        drill.status = 200
        scene.act("`plaudit topics apply`, `plaudit dlq redrive --reason write_refused`")
        drill.run("topics", "apply")
        drill.run("dlq", "redrive", "--reason", "write_refused", "--yes")
        scene.ends("PlauditWritesRefused")


def test_a_worker_process_of_a_supervisor_that_dies(drill: Drill) -> None:
    with drill.scene("one of two workers of `--workers 2` is killed") as scene:
        drill.start("second", "--workers", "2")
        running = "sum(plaudit_workers_running)"
        until(lambda: drill.prometheus.value(running) == 2, "two workers run")
        supervisor = drill.processes["second"].pid
        [first, *_] = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        os.kill(int(first), signal.SIGKILL)
        scene.fires("PlauditWorkerRestarts")
        scene.act("the supervisor has started it again")
        scene.ends("PlauditWorkerRestarts")
        drill.stop("second")


def test_a_worker_that_gets_too_little_cpu(drill: Drill) -> None:
    worker = drill.processes["deliver"]
    with drill.scene("a worker has a tenth of a core") as scene:

        def starve() -> bool:
            worker.send_signal(signal.SIGSTOP)
            time.sleep(0.4)
            worker.send_signal(signal.SIGCONT)
            time.sleep(0.05)
            return "PlauditWorkerShortOfCpu" in drill.prometheus.firing()

        until(starve, "PlauditWorkerShortOfCpu fires")
        scene.fires("PlauditWorkerShortOfCpu")
        scene.act("it has a core")
        scene.ends("PlauditWorkerShortOfCpu")


def test_a_clock_that_is_wrong(drill: Drill) -> None:
    with drill.scene("a worker's clock is 400 s ahead") as scene:
        drill.start("second", program=(sys.executable, SKEWED), LAB_SKEW_S="400")
        scene.fires("PlauditClockSkew")
        scene.act("the worker is started with the right time")
        drill.stop("second")
        scene.ends("PlauditClockSkew")


@pytest.mark.parametrize(
    ("patch", "alert", "reason"),
    [("raises", "PlauditDefects", "defect"), ("loses", "PlauditRecordsStranded", "defect")],
)
def test_a_release_with_a_defect(drill: Drill, patch: str, alert: str, reason: str) -> None:
    drill.stop("deliver")
    with drill.scene(f"a release whose code {patch} a delivery") as scene:
        drill.start("deliver", program=faulty(patch))
        scene.fires(alert, within_s=120)
        scene.act(f"another release; `plaudit dlq redrive --reason {reason}`")
        drill.stop("deliver")
        drill.start("deliver")
        drill.run("dlq", "redrive", "--reason", reason, "--yes")
        scene.ends(alert)


def test_retention_that_removes_records_before_they_are_read(drill: Drill) -> None:
    topic = drill.settings.names.event_topics[0]
    drill.stop("deliver")
    with drill.scene("retention removes events that no worker has read") as scene:
        drill.rig.publish(40)
        for number in range(4):
            delete_before(drill.settings, Partition(topic, number), -1)
        drill.start("deliver")
        scene.fires("PlauditRecordsLost")
        scene.act("the events are published again")
        drill.rig.publish(40)
        scene.ends("PlauditRecordsLost")


def test_a_position_past_the_end_of_its_log(drill: Drill) -> None:
    names = drill.settings.names
    drill.stop("deliver")
    with drill.scene("a group's position is past the end") as scene:
        config = {"bootstrap.servers": drill.broker.bootstrap, "group.id": names.events_group}
        moved = Consumer(config)
        moved.commit(
            offsets=[TopicPartition(names.event_topics[2], 0, 1_000_000)], asynchronous=False
        )
        moved.close()
        drill.start("deliver")
        scene.fires("PlauditPositionPastEnd")
        scene.act("`plaudit endpoints sync`")
        drill.run("endpoints", "sync")
        scene.ends("PlauditPositionPastEnd")


def test_retention_that_is_about_to_remove_dead_letters(drill: Drill) -> None:
    letters, day_ms = drill.settings.names.dlq_deliveries, 86_400_000
    with drill.scene("dead letters are kept for two days") as scene:
        drill.status = 500
        until(lambda: bool(drill.rig.dead()), "a dead letter")
        drill.configure(letters, retention_ms=str(2 * day_ms))
        scene.fires("PlauditDeadLettersExpire")
        drill.status = 200
        scene.act("`plaudit dlq redrive --reason exhausted`")
        until(drill.redrive, "every letter is redriven", every_s=2)
        scene.ends("PlauditDeadLettersExpire")


def test_the_slow_alerts_end_when_six_hours_are_over(drill: Drill) -> None:
    until(lambda: not drill.prometheus.firing(), "no alert fires", SLOWEST_S, every_s=1)


def test_every_alert_was_seen(drill: Drill) -> None:
    assert {each.name for each in ALERTS} <= {row.alert for row in drill.rows}
