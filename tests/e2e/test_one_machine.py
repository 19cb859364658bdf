"""A first installation: the block in docs/operations.md, `plaudit dev`, the default database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import typer
from prometheus_client import CollectorRegistry

from e2e.rig import PLAUDIT, Rig, free_port
from e2e.test_operating import one_line, plaudit
from plaudit.cli.served import served
from plaudit.deliver.settings import ObservabilitySettings
from plaudit.kafka.settings import KafkaSettings
from waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.e2e]


def test_dev_does_not_touch_a_cluster_without_consent() -> None:
    done = plaudit("dev", "--events", "1", KAFKA_BOOTSTRAP_SERVERS="kafka.example.com:9092")
    assert done.returncode == 2
    assert "--use-cluster" in one_line(done)


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_dev_leaves_no_worker_behind(settings: KafkaSettings, how: signal.Signals) -> None:
    with subprocess.Popen(
        [PLAUDIT, "dev", "--use-cluster"],
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as dev:
        assert dev.stdout is not None
        for line in dev.stdout:
            if b"worker(s)" in line:
                break
        [worker] = [pid for pid in children(dev.pid) if b"deliver" in command_line(pid)]
        dev.send_signal(how)
        assert dev.wait(60) == (0 if how is signal.SIGHUP else -signal.SIGKILL)
    until(lambda: not command_line(worker), "the worker ends with its parent", 40)


def children(parent: int) -> Iterator[int]:
    """Yield the processes that a process has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            # "pid (name) state parent …", where the name may have spaces.
            if (folder / "stat").read_text().rpartition(")")[2].split()[1] == str(parent):
                yield int(folder.name)


def command_line(pid: int) -> bytes:
    """Return what a process was started with; nothing once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.mark.nightly
def test_the_start_block_of_the_operations_page_runs_unchanged(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    block = page.partition("## Start\n")[2].split("```")[1].removeprefix("sh\n")
    script = block.replace("broker-1:9092", settings.bootstrap_servers)
    assert script != block
    done = subprocess.run(
        ["/bin/bash", "-e", "-o", "pipefail", "-c", script + WHEN_ALL_SERVE],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{Path(PLAUDIT).parent}:{os.environ['PATH']}",
            "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
            "PLAUDIT_API_PORT": str(free_port()),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "can't listen" not in done.stdout + done.stderr


WHEN_ALL_SERVE = """
sleep 1
[ "$(jobs -r | wc -l)" = 3 ]
kill $(jobs -p)
wait $(jobs -p)
"""


@pytest.mark.nightly
def test_endpoints_that_the_database_does_not_know_are_shown_and_removed(rig: Rig) -> None:
    lost = rig.endpoint("https://hooks.example.com/lost")
    environment = rig.environment
    kept = plaudit(
        "endpoints",
        "add",
        "https://hooks.example.com/kept",
        "--json",
        "--workspace",
        rig.workspace,
        **environment,
    )
    assert kept.returncode == 0, kept.stderr
    before = plaudit("status", **environment)
    assert (before.returncode, "workers serve 1 endpoints" in before.stderr) == (0, True)
    asked = plaudit("endpoints", "sync", "--prune", **environment)
    assert (asked.returncode, lost in asked.stdout) == (1, True)
    done = plaudit("endpoints", "sync", "--prune", "--yes", **environment)
    assert (done.returncode, lost in done.stdout) == (0, True), done.stderr
    assert json.loads(plaudit("status", "--json", **environment).stdout)["unknown_endpoints"] == 0


def test_endpoints_are_restored_from_kafka_into_an_empty_database(rig: Rig) -> None:
    lost = rig.endpoint("https://hooks.example.com/lost")
    environment = rig.environment
    tried = plaudit("endpoints", "restore", "--dry-run", **environment)
    assert (tried.returncode, lost in tried.stdout) == (0, True), tried.stderr
    assert "would restore 1 endpoints of 1 workspaces" in tried.stderr
    done = plaudit("endpoints", "restore", **environment)
    assert (done.returncode, lost in done.stdout) == (0, True), done.stderr
    listed = plaudit("endpoints", "list", "--json", **environment)
    assert json.loads(listed.stdout)["url"] == "https://hooks.example.com/lost"
    again = plaudit("endpoints", "restore", **environment)
    assert (again.returncode, "--merge" in one_line(again)) == (1, True)


def test_a_command_prints_which_default_database_it_opens(settings: KafkaSettings) -> None:
    brokers = {"KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers}
    file = Path.cwd() / "plaudit.db"
    made, found = (plaudit("keys", "list", **brokers) for _ in range(2))
    assert f"making a new database, {file}" in made.stderr.splitlines()[0]
    assert f"the database is {file}" in found.stderr.splitlines()[0]
    chosen = {**brokers, "PLAUDIT_DATABASE_URL": "sqlite:///other.db"}
    assert "new database" in plaudit("keys", "list", **chosen).stderr
    assert plaudit("keys", "list", **chosen).stderr.splitlines() == ["no keys match"]


class Idle:
    """A process without anything to say."""

    registry = CollectorRegistry()

    def stuck(self) -> list[str]:
        return []

    def unready(self) -> list[str]:
        return []


def test_a_second_process_uses_another_port_unless_one_was_chosen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with served(ObservabilitySettings(), Idle()), served(ObservabilitySettings(), Idle()):
        pass
    chosen = ObservabilitySettings(metrics_port=free_port())
    with served(chosen, Idle()), pytest.raises(typer.Exit), served(chosen, Idle()):
        pass
    assert "PLAUDIT_METRICS_PORT: can't listen on" in capsys.readouterr().err
