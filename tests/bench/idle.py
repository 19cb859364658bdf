"""Cost of an idle worker: `cd tests && python -m bench.idle [SECONDS]`.

A real broker, topics as they are declared, one endpoint, and a worker that has nothing to do.
Prints a line of JSON: percent of a core, that of each kind of thread, how often these were woken in
a second, and the seconds from the start of the process to a worker that is ready.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.installation import Site, install
from plaudit.dev.kafka import find_kafka
from plaudit.kafka.settings import KafkaSettings

TICKS: Final = os.sysconf("SC_CLK_TCK")
SETTLED_S: Final = 10.0
READY_WITHIN_S: Final = 60.0


def free_port() -> int:
    """Return a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def threads(pid: int) -> Counter[str]:
    """Return the ticks of CPU that each kind of thread has used."""
    found: Counter[str] = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            name = (task / "comm").read_text().strip()
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            found[name] += int(fields[11]) + int(fields[12])
    return found


def wakes(pid: int) -> Counter[str]:
    """Return how often each kind of thread has waited, and was woken."""
    found: Counter[str] = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            name = (task / "comm").read_text().strip()
            said = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
            found[name] += int(said["voluntary_ctxt_switches"])
    return found


def ready_after_s(port: int, began_s: float, within_s: float = READY_WITHIN_S) -> float:
    """Wait until a worker is ready; return the seconds since it was started."""
    while time.monotonic() < began_s + within_s:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return time.monotonic() - began_s
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    sys.exit("the worker is not ready")


def measure(environment: Mapping[str, str], seconds: float) -> dict[str, object]:
    """Start a worker, and return its figures."""
    port = free_port()
    began_s = time.monotonic()
    worker = subprocess.Popen(
        [Path(sys.executable).with_name("plaudit"), "deliver"],
        env={**os.environ, **environment, "PLAUDIT_METRICS_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        ready_s = ready_after_s(port, began_s)
        start_ticks = sum(threads(worker.pid).values())
        time.sleep(SETTLED_S)
        before, woken, since = threads(worker.pid), wakes(worker.pid), time.monotonic()
        time.sleep(seconds)
        spent, woken = threads(worker.pid) - before, wakes(worker.pid) - woken
        took_s = time.monotonic() - since
    finally:
        worker.terminate()
        worker.wait()
    scale = 100 / TICKS / took_s
    return {
        "ready_s": round(ready_s, 2),
        "start_cpu_s": round(start_ticks / TICKS, 2),
        "percent": round(sum(spent.values()) * scale, 2),
        "threads": {name: round(ticks * scale, 2) for name, ticks in spent.most_common()},
        "wakes_per_s": {name: round(count / took_s, 1) for name, count in woken.most_common()},
    }


def main(seconds: float) -> None:
    """Measure and print."""
    with find_kafka(os.environ.get("PLAUDIT_TEST_KAFKA"), announce=print) as found:
        settings = KafkaSettings(bootstrap_servers=found.bootstrap)
        with install(settings, [Site("http://127.0.0.1:1/")]) as installation:
            print(json.dumps(measure(installation.environment, seconds)))


if __name__ == "__main__":
    main(float(sys.argv[1]) if sys.argv[1:] else 40.0)
