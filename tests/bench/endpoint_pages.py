"""Lists of very many endpoints: `cd tests && python -m bench.endpoint_pages [ENDPOINTS]`.

The workspaces are those of `bench.endpoint_table`: five endpoints each, and one with a tenth of
all. An empty database is filled first: SQLite in a temporary file, or the one of `--url`. One that
an earlier run has filled is measured as it is. Prints a line of JSON: ms of pages of 100 endpoints
from `GET /v1/endpoints` over HTTP, the first and the one behind nine tenths, of all workspaces and
of the large one; and seconds of `plaudit endpoints list`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx

from bench.endpoint_table import PART, WIDE, WIDE_SHARE, identity, workspace_of
from console.rig import Rig, rig
from plaudit.endpoints.signing import new_secret
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.spec import EndpointSpec
from plaudit.store.endpoints.transitions import new_endpoint

SECRET: Final = bytes(range(32))
PAGE: Final = 100
NO_KAFKA: Final = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
ROUNDS: Final = 20
FIRST_MS: Final = 1_790_000_000_000


def fill(made: Rig, count: int) -> None:
    """Add endpoints, one created each millisecond."""
    for first in range(0, count, PART):
        endpoints = [
            new_endpoint(
                made.services.secrets,
                EndpointSpec(f"https://hooks.example.com/{number}", name=f"hook-{number}"),
                workspace_of(number),
                identity(1, number),
                new_secret(),
                FIRST_MS + number,
            )
            for number in range(first, min(first + PART, count))
        ]
        with made.services.engine.begin() as connection:
            rows.insert_all(connection, endpoints)


def page_ms(client: httpx.Client, place: int, workspace_id: str | None = None) -> float:
    """Return the median time of a page behind an endpoint, as an operator's client sees it."""
    asked = {"limit": str(PAGE), "cursor": f"{FIRST_MS + place}.{identity(1, place)}"}
    if workspace_id is not None:
        asked["workspace_id"] = workspace_id
    if not place:
        del asked["cursor"]
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get("/v1/endpoints", params=asked).raise_for_status()
        times.append((time.perf_counter() - began) * 1e3)
        assert len(answer.json()) == PAGE, f"{len(answer.json())} endpoints"
    return round(statistics.median(times), 1)


def list_s(url: str) -> float:
    """Return the seconds of `plaudit endpoints list`, which shows 1,000 of them."""
    key = base64.b64encode(SECRET).decode()
    began = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name("plaudit"), "endpoints", "list"],
        env={**os.environ, **NO_KAFKA, "PLAUDIT_DATABASE_URL": url, "PLAUDIT_SECRET_KEY": key},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return round(time.perf_counter() - began, 2)


def measure(made: Rig, url: str, count: int) -> dict[str, object]:
    """Return the times of pages and of the command."""
    deep = count * 9 // 10 // WIDE_SHARE * WIDE_SHARE
    headers = {"authorization": f"Bearer {made.keys['admin']}"}
    with httpx.Client(base_url=made.base, headers=headers, timeout=60) as client:
        return {
            "first_ms": page_ms(client, 0),
            "deep_ms": page_ms(client, deep),
            "large_first_ms": page_ms(client, 0, WIDE),
            "large_deep_ms": page_ms(client, deep, WIDE),
            "list_s": min(list_s(url) for _ in range(3)),
        }


def main() -> None:
    """Fill if needed, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoints", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--url", help="an empty database, or one of an earlier run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or f"sqlite:///{Path(folder) / 'plaudit.db'}"
        with rig(Path(folder), database=url, secret=SECRET) as made:
            if not made.services.endpoints.page(None, 1):
                fill(made, given.endpoints)
            figures = measure(made, url, given.endpoints)
    kind = url.partition(":")[0].partition("+")[0]
    print(json.dumps({"database": kind, "endpoints": given.endpoints, **figures}))


if __name__ == "__main__":
    main()
