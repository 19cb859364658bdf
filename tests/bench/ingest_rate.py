"""The rate of events at `POST /v1/events`: `python -m bench.ingest_rate`.

A real broker, one `plaudit serve` and a client, each a process; the result is events per second,
and per second of CPU that the server used: what a core of its own would do.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import aiohttp

from conftest import apply_topics
from e2e.rig import Rig, free_port
from plaudit.dev.kafka import find_kafka
from plaudit.events.examples import example_json
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.access.api_keys import KeyService, Scope
from plaudit.store.db.database import open_database
from waiting import PROMPTLY_S

TYPE: Final = "testimonial.approved"
SECONDS: Final = 4.0
TICKS: Final = os.sysconf("SC_CLK_TCK")
SHAPES: Final = ((1, 32), (100, 8), (1_000, 4))
"""Events in a request, and requests at a time."""


def cpu_s(pid: int) -> float:
    """Return how many seconds of CPU a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def body(count: int, workspace: str) -> bytes:
    """Return a request of this many events."""
    data = json.loads(example_json(TYPE))
    made = []
    for _ in range(count):
        meta = {**data["meta"], "event_id": str(uuid.uuid4()), "workspace_id": workspace}
        made.append({"type": TYPE, "data": {**data, "meta": meta}})
    return json.dumps(made[0] if count == 1 else made).encode()


async def load(url: str, key: str, workspace: str, count: int, at_once: int) -> int:
    """Post for some seconds; return how many events were accepted."""
    bodies = [body(count, workspace) for _ in range(max(1, 200 // count))]
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    until = time.monotonic() + SECONDS
    accepted = 0

    async def post(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal accepted
        while time.monotonic() < until:
            number += 1
            sent = bodies[number % len(bodies)]
            async with session.post(url, data=sent, headers=headers) as answer:
                assert answer.status == 202, await answer.text()
                accepted += (await answer.json())["accepted"]

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(post(session, number) for number in range(at_once)))
    return accepted


@contextmanager
def serving() -> Iterator[tuple[int, str, str, str]]:
    """Serve an installation; yields the server's pid, its URL, a key and its workspace."""
    with find_kafka(os.environ.get("PLAUDIT_TEST_KAFKA"), announce=print) as found:
        prefix = f"bench{uuid.uuid4().hex[:8]}."
        settings = KafkaSettings(bootstrap_servers=found.bootstrap, topic_prefix=prefix)
        apply_topics(settings)
        with tempfile.TemporaryDirectory() as folder, Rig(settings, Path(folder)) as rig:
            engine = open_database(rig.database)
            _, key = KeyService(engine).create(Scope.WORKSPACE, rig.workspace, "bench")
            engine.dispose()
            port = free_port()
            server = rig.process(
                "serve",
                PLAUDIT_API_PORT=str(port),
                PLAUDIT_API_EVENTS_RATE_LIMIT="0",
                PLAUDIT_API_EVENT_RATE="0",
            )
            asyncio.run(listening(port))
            yield server.pid, f"http://127.0.0.1:{port}/v1/events", key, rig.workspace


async def listening(port: int) -> None:
    """Wait until a process listens on a port."""
    deadline = time.monotonic() + PROMPTLY_S
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    sys.exit("the server does not listen")


def main() -> None:
    """Measure and print."""
    with serving() as (pid, url, key, workspace):
        for count, at_once in SHAPES:
            asyncio.run(load(url, key, workspace, count, 1))  # warm
            began, began_cpu = time.monotonic(), cpu_s(pid)
            accepted = asyncio.run(load(url, key, workspace, count, at_once))
            spent, cpu = time.monotonic() - began, cpu_s(pid) - began_cpu
            print(
                f"{count:>5} events a request, {at_once:>2} at once: {accepted / spent:>8,.0f}/s, "
                f"{accepted / cpu:>8,.0f}/s of CPU"
            )


if __name__ == "__main__":
    main()
