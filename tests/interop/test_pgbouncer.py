"""The database behind a real PgBouncer in transaction mode: nothing fails, nothing is lost."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from attempts import attempt
from interop.toolchain import tool
from plaudit.recorder.projector import Projector, Read
from plaudit.records.attempt import encode_attempt
from plaudit.store.db.database import connect, migrate, open_database, reading
from plaudit.store.db.tables import ATTEMPTS
from postgres import LocalPostgres

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(120)]

PORT = 6432
SERVERS = 2
"""Server connections: fewer than clients, so that a client's transactions change between them."""
RECORDERS = 4
BATCHES = 30
ROWS = 20


@pytest.fixture
def pooled(postgres_server: LocalPostgres) -> Iterator[str]:
    """The URL of a new database behind PgBouncer."""
    program = tool("pgbouncer")
    direct = sa.make_url(postgres_server.url())
    folder = Path(str(direct.query["host"]))
    name = f"p{uuid4().hex[:8]}"
    maker = sa.create_engine(direct, isolation_level="AUTOCOMMIT")
    with maker.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    maker.dispose()
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={folder} user=plaudit\n"
        f"[pgbouncer]\nlisten_port = {PORT}\nlisten_addr =\nunix_socket_dir = {folder}\n"
        f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {SERVERS}\n"
    )
    user = "nobody" if os.geteuid() == 0 else None
    with subprocess.Popen([program, str(config)], user=user, stderr=subprocess.PIPE) as pooler:
        try:
            _wait_for(folder / f".s.PGSQL.{PORT}")
            yield f"postgres://plaudit@/{name}?host={folder}&port={PORT}"
        finally:
            pooler.terminate()
            _, said = pooler.communicate()
            assert b"ERROR" not in said, said


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            return
        time.sleep(0.05)
    raise AssertionError(path)


def record(url: str, offset: int) -> None:
    """Record batches as one recorder does, and read between them as the API does."""
    engine = connect(url)
    projector = Projector(engine, 5 * 86_400_000)
    for number in range(BATCHES):
        values = [encode_attempt(attempt()) for _ in range(ROWS)]
        first = offset + number * ROWS
        projector.project([Read("attempts", 0, first + at, each) for at, each in enumerate(values)])
        _count(engine)
    engine.dispose()


def _count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(ATTEMPTS)).scalar_one()


def test_recorders_and_readers_share_few_server_connections(pooled: str) -> None:
    engine = connect(pooled)
    migrate(engine)
    with ThreadPoolExecutor(RECORDERS) as pool:
        list(pool.map(record, [pooled] * RECORDERS, range(0, RECORDERS * 10_000, 10_000)))
    assert _count(engine) == RECORDERS * BATCHES * ROWS
    engine.dispose()
    open_database(pooled).dispose()
