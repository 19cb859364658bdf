"""The cost of the table of endpoints: `cd tests && python -m bench.endpoint_table [ENDPOINTS]`.

Endpoints in workspaces of five each, and one workspace with a tenth of them. Their records are made
first, by several processes, and are not counted. Prints a line of JSON: how long it takes to take
the records in, what the process then holds, what a match costs, first and again, and what a change
of the wide workspace costs with a match after it.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from endpoint_records import endpoint_value
from plaudit.endpoints.binding import bind
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.matching import TakesLong, TypeSubscribers
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.table import EndpointTable
from plaudit.events.avro.build_kind import form
from plaudit.records.endpoint import EndpointRecord, decode_endpoint

KEYS: Final = SecretKeys([bytes(range(32))])
OF_A_WORKSPACE: Final = 5
WIDE_SHARE: Final = 10
WIDE: Final = str(UUID(int=1))
TYPE: Final = "testimonial.approved"
BASE: Final = "https://hooks.example.com/tenants/"
MATCHES: Final = 2_000
CHANGES: Final = 200
PART: Final = 20_000
TEMPLATE: Final = decode_endpoint(endpoint_value(WIDE, WIDE))
NOW_MS: Final = 1_795_000_000_000


def identity(kind: int, number: int) -> str:
    """Return a UUID that looks random, the same each time."""
    return str(UUID(int=random.Random(kind << 40 | number).getrandbits(128)))  # noqa: S311 - not a secret


def workspace_of(number: int) -> str:
    """Return the workspace of an endpoint."""
    return identity(2, number // OF_A_WORKSPACE) if number % WIDE_SHARE else WIDE


def record(
    number: int, version: int = 1, keys: SecretKeys = KEYS, base: str = BASE
) -> tuple[bytes, bytes]:
    """Return key and value of an endpoint's record, as the relay writes it."""
    endpoint_id = identity(1, number)
    private = EncryptedFields(f"{base}{number}", {}, [Secret(new_secret())])
    sealed = seal(keys, endpoint_id, private)
    types = [] if number % 2 else [TYPE, "testimonial.published"]
    fields: dict[str, Any] = {
        **TEMPLATE,
        "endpoint_id": endpoint_id,
        "workspace_id": workspace_of(number),
        "version": version,
        "key_id": sealed.key_id,
        "sealed": sealed.blob,
        "event_types": types,
        **dict.fromkeys(("active_from", "created_at", "updated_at"), NOW_MS),
    }
    return endpoint_id.encode(), bind(cast("EndpointRecord", fields), keys)


def write_part(folder: Path, first: int, count: int) -> Path:
    """Write records into a file."""
    path = folder / str(first)
    with path.open("wb") as file:
        for number in range(first, min(first + PART, count)):
            key, value = record(number)
            file.write(key + len(value).to_bytes(4, "big") + value)
    return path


def records_of(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the records of a file."""
    with path.open("rb") as file:
        while key := file.read(36):
            yield key, file.read(int.from_bytes(file.read(4), "big"))


def learned(table: EndpointTable, workspace_id: str) -> TypeSubscribers:
    """Return what matching knows of a workspace, when it knows all of it."""
    while True:
        try:
            return table.subscribers(workspace_id, TYPE)
        except TakesLong:
            continue


def held_mb() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def load(table: EndpointTable, count: int) -> float:
    """Take in this many endpoints; return the seconds of CPU that this took."""
    spent = 0.0
    with tempfile.TemporaryDirectory() as folder:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            write = partial(write_part, Path(folder), count=count)
            paths = list(pool.map(write, range(0, count, PART)))
        for path in paths:
            known = list(records_of(path))
            began = time.process_time()
            for key, value in known:
                table.apply(key, value, NOW_MS)
            spent += time.process_time() - began
            path.unlink()
            del known
    table.complete()
    return spent


def match(table: EndpointTable, workspaces: list[str]) -> float:
    """Match an event in each of some workspaces; return µs of CPU for one."""
    began = time.process_time()
    for each in workspaces:
        table.subscribers(each, TYPE).match("space", NOW_MS + 60_000, {})
    return (time.process_time() - began) / len(workspaces) * 1e6


def change(table: EndpointTable, count: int) -> float:
    """Change endpoints of the wide workspace, and ask after each; return µs of CPU for one."""
    changed = [
        record(number * WIDE_SHARE, 2) for number in range(min(CHANGES, count // WIDE_SHARE))
    ]
    began = time.process_time()
    for key, value in changed:
        table.apply(key, value, NOW_MS)
        learned(table, WIDE)
    return (time.process_time() - began) / len(changed) * 1e6


def main(count: int) -> None:
    """Measure and print."""
    before = held_mb()
    table = EndpointTable(KEYS)
    spent = load(table, count)
    held = held_mb()
    began = time.process_time()
    wide = learned(table, WIDE)
    learning = time.process_time() - began
    numbers = random.Random(1).sample(range(1, count), min(MATCHES, count // 2))  # noqa: S311 - not a secret
    asked = [workspace_of(number) for number in numbers if number % WIDE_SHARE]
    figures = {
        "form": form(),
        "endpoints": len(table),
        "load_s": round(spent, 2),
        "load_us_each": round(spent / count * 1e6, 2),
        "before_mb": round(before),
        "held_mb": round(held),
        "bytes_each": round((held - before) * 1e6 / count),
        "first_match_us": round(match(table, asked), 1),
        "match_us": round(min(match(table, asked) for _ in range(5)), 2),
        "wide_endpoints": len(wide.candidates(NOW_MS + 60_000)),
        "wide_learning_s": round(learning, 2),
        "change_and_match_us": round(change(table, count), 1),
        "after_mb": round(held_mb()),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
