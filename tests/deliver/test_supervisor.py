"""Worker processes: started again, stopped in order, and never left behind."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

from plaudit.deliver.process.aggregate import FleetHealth
from plaudit.deliver.process.supervisor import LONGEST_PAUSE_S, Supervisor, pause_s
from waiting import turns_true

WORKER = """
import os, signal, sys, time
from prometheus_client import CollectorRegistry, Counter
from plaudit.runtime.ops_server import HealthServer
from plaudit.deliver.process.lifeline import Lifeline

class Subject:
    registry = CollectorRegistry()
    def stuck(self): return []
    def unready(self): return ["not yet"] if "--unready" in sys.argv else []

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
things = Counter("plaudit_things", "Things.", ["kind"], registry=Subject.registry)
things.labels("a").inc(3, {"trace_id": "7"})
server = HealthServer(Subject(), "127.0.0.1", 0)
Lifeline(int(sys.argv[sys.argv.index("--lifeline") + 1])).start(server.port)
print(os.getpid(), flush=True)
while True:
    time.sleep(0.05)
"""


def script(tmp_path: Path, text: str = WORKER) -> list[str]:
    """Return the command that runs a worker of this text."""
    path = tmp_path / "worker.py"
    path.write_text(text)
    return [sys.executable, str(path)]


async def until_told(supervisor: Supervisor) -> None:
    """Wait until every worker has told its port."""
    await turns_true(lambda: all(each.port is not None for each in supervisor.workers))


@given(failures=st.integers(0, 1_000), jitter=st.floats(0, 1))
def test_the_pause_before_another_start_grows_and_is_bounded(failures: int, jitter: float) -> None:
    assert 0 < pause_s(failures, jitter) <= LONGEST_PAUSE_S
    assert pause_s(failures, jitter) <= pause_s(failures + 1, jitter)


async def test_workers_are_stopped_in_order_with_exit_code_0(tmp_path: Path) -> None:
    supervisor = Supervisor(script(tmp_path), 2)
    running = asyncio.create_task(supervisor.run())
    await until_told(supervisor)
    supervisor.stop()
    assert await running == 0
    assert all(each.process and each.process.returncode == 0 for each in supervisor.workers)


async def test_a_worker_that_is_killed_is_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor(script(tmp_path), 1)
    running = asyncio.create_task(supervisor.run())
    await until_told(supervisor)
    [worker] = supervisor.workers
    first = worker.process
    assert first is not None
    first.kill()
    await first.wait()
    await turns_true(lambda: worker.process is not first and worker.port is not None)
    assert worker.restarts == 1
    supervisor.stop()
    assert await running == 0


async def test_a_usage_error_ends_the_supervisor_with_2(tmp_path: Path) -> None:
    supervisor = Supervisor(script(tmp_path, "raise SystemExit(2)"), 2)
    async with asyncio.timeout(30):
        assert await supervisor.run() == 2


async def test_a_second_signal_kills_workers_that_do_not_end(tmp_path: Path) -> None:
    stubborn = WORKER.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
    supervisor = Supervisor(script(tmp_path, stubborn), 1)
    running = asyncio.create_task(supervisor.run())
    await until_told(supervisor)
    supervisor.stop()
    supervisor.stop()
    async with asyncio.timeout(10):
        assert await running == 1


async def test_one_scrape_has_the_samples_of_all_workers(tmp_path: Path) -> None:
    supervisor = Supervisor(script(tmp_path), 2)
    running = asyncio.create_task(supervisor.run())
    together = FleetHealth(supervisor)
    assert "worker 0: it is not started yet" in together.unready()
    await until_told(supervisor)
    text = (await asyncio.to_thread(generate_latest, together.registry)).decode()
    for number in "01":
        assert f'plaudit_things_total{{kind="a",worker="{number}"}} 3.0' in text
        assert f'plaudit_worker_restarts_total{{worker="{number}"}} 0.0' in text
    assert text.count("# TYPE plaudit_things_total counter") == 1
    with_traces = await asyncio.to_thread(openmetrics, together.registry)
    assert with_traces.count(b'# {trace_id="7"} 3.0') == 2
    assert "plaudit_workers_running 2.0" in text
    assert await asyncio.to_thread(together.unready) == []
    supervisor.stop()
    await running


async def test_the_supervisor_is_ready_when_every_worker_is(tmp_path: Path) -> None:
    supervisor = Supervisor([*script(tmp_path), "--unready"], 2)
    running = asyncio.create_task(supervisor.run())
    together = FleetHealth(supervisor)
    await until_told(supervisor)
    problems = await asyncio.to_thread(together.unready)
    assert problems == ["worker 0: not yet", "worker 1: not yet"]
    assert await asyncio.to_thread(together.stuck) == []
    supervisor.stop()
    await running


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_supervisor_however_it_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    main = (
        "import asyncio, signal, sys\n"
        "from plaudit.deliver.process.supervisor import Supervisor\n"
        "async def run():\n"
        "    supervisor = Supervisor(sys.argv[1:], 2)\n"
        "    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.stop)\n"
        "    return await supervisor.run()\n"
        "sys.exit(asyncio.run(run()))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", main, *script(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        assert all(int(supervisor.stdout.readline()) for _ in range(2)), "both run"
        supervisor.send_signal(number)
        assert supervisor.wait(30) == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        # It ends when the last of those does that hold it.
        assert supervisor.stdout.read() == ""
