"""`plaudit bench` on a real broker with very few events: counts are checked, speeds are not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.lab import QUICK, Lab
from bench.machine import available_cores
from bench.parallel_consumer.command import is_available
from bench.run import VOID
from bench.scenarios.throughput import own_origins
from command import CommandLine
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.settings import KafkaSettings
from waiting import until

pytestmark = pytest.mark.broker

PROGRAM = (sys.executable, "-c", "from plaudit.cli.main import main; main()")
FEW = ("--quick", "--events", "400", "--repeat", "1", "--seconds", "0.4")


def left(settings: KafkaSettings) -> list[str]:
    return [name for name in Admin(settings).topic_names() if name.startswith("plaudit-bench-")]


def test_every_contender_arrives_the_counts_add_up_and_nothing_is_left(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    files = tmp_path / "figures.json", tmp_path / "charts.svg"
    done = CommandLine(settings)(
        "bench", "throughput", *FEW, "--json", str(files[0]), "--svg", str(files[1])
    )
    assert done.code in {0, VOID}, done.err
    told = json.loads(files[0].read_text())
    assert "add up" not in str(told["void"])
    assert "exit code" not in str(told["void"])
    figures = {each["key"]: each for each in told["scenarios"]["throughput"]["figures"]}
    # One that had delivered nothing would have ended the run with 1.
    for who in ("plaudit", "aiohttp", "httpx", "raw"):
        assert len(figures[f"{who}.rate"]["samples"]) == 1
    assert figures["cpu_vs_aiohttp"]["target"] == "≤ 0.5"
    assert told["effort"]["events"] == 400
    assert told["versions"]["aiohttp"] != "not installed"
    assert ET.parse(files[1]).getroot().tag.endswith("svg")  # noqa: S314 - our own
    assert "deliveries per second" in done.out
    assert left(settings) == []


def test_every_event_is_delivered_or_waits_and_references_do_not_count(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    said: list[str] = []
    lab = Lab(settings, available_cores(), QUICK, tmp_path, said.append)
    with lab.trial(own_origins(3)) as trial:
        trial.publish(trial.sites, 30)
        sample = trial.deliver(seconds=20)
        ledger = trial.ledger()
        assert ledger.missing == 0
        assert ledger.delivered >= 27  # all but the last tenth, which is not measured
        assert not [reason for reason in sample.void if "add up" in reason]
        trial.compare("aiohttp", 1, 20)
        assert trial.delivered == ledger.delivered
        trial.published += 1  # as if one had been lost
        assert trial.ledger().missing == 1
    assert left(settings) == []


@pytest.mark.nightly
@pytest.mark.skipif(not is_available(), reason="needs java, javac and mvn")
def test_the_parallel_consumer_posts_the_records_that_were_published(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    lab = Lab(settings, available_cores(), QUICK, tmp_path, lambda _: None)
    with lab.trial(own_origins(1)) as trial:
        trial.publish(trial.sites, 300)
        sample = trial.compare("parallel-consumer", 1, 200)
        assert sample.values["rate"] > 0
        assert trial.sink.reading().answered >= 200


def test_two_workers_are_waited_for_until_each_has_its_share(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    lab = Lab(settings, available_cores(), QUICK, tmp_path, lambda _: None)
    with lab.trial(own_origins(1), workers=2) as trial, trial.workers(2) as workers:
        trial.joined(workers)
        admin, names = Admin(trial.installation.settings), trial.installation.settings.names
        for group in (names.events_group, names.deliveries_group):
            shares = admin.partition_counts(group)
            assert shares is not None
            assert len(shares) == 2
            assert min(shares) == max(shares) > 0


# A shell that runs us in the background has us, and our children, ignore Ctrl-C.
HEEDING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from plaudit.cli.main import main; main()"
)


def test_ctrl_c_leaves_neither_processes_nor_topics(settings: KafkaSettings) -> None:
    run = [sys.executable, "-c", HEEDING, "bench", "throughput", "--events", "1000"]
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers}
    with subprocess.Popen(run, env=environment, stderr=subprocess.PIPE, text=True) as bench:
        until(lambda: len(_children(bench.pid)) == 2, "the sink and a worker run")
        started = _children(bench.pid)
        assert left(settings) != []
        bench.send_signal(signal.SIGINT)
        _, said = bench.communicate(timeout=60)
    assert bench.returncode == 130, said
    assert "Traceback" not in said
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    assert left(settings) == []


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sideways",), "no scenario 'sideways'; there are throughput, "),
        (("--json", "nowhere/at/all.json"), "--json: nowhere/at is not a folder"),
    ],
)
def test_an_impossible_run_is_refused_in_one_line(
    settings: KafkaSettings, arguments: tuple[str, ...], message: str
) -> None:
    done = CommandLine(settings)("bench", *arguments)
    assert done.code == 2
    assert done.err.startswith(("plaudit: ", "plaudit bench: "))
    assert message in done.err
    assert done.err.count("\n") == 1
