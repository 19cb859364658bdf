"""A real Postgres for the store's tests: the one that is named, or one started here."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.store.database import connect, migrate, open_database

from conftest import TEST_POSTGRES
from postgres import LocalPostgres


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database that tests may drop everything in."""
    named = os.environ.get(TEST_POSTGRES)
    if named is not None:
        yield named
        return
<<<<<<< HEAD
    programs = find_programs()
    if programs is None:
        pytest.skip(f"no Postgres: install its server, or name a database in {NAMED}")
    with started(programs) as url:
        yield url


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def started(programs: Path) -> Iterator[str]:
    """Run a server that listens on a socket in a folder of its own, and on no port."""
    # As root it must run as somebody else; the folder is theirs then.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="plaudit-pg-", ignore_cleanup_errors=True) as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = Path(folder, "data")

        def run(*command: str) -> None:
            subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

        run(f"{programs}/initdb", "-D", f"{data}", "-U", "plaudit", "-A", "trust", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        control = (f"{programs}/pg_ctl", "-D", f"{data}", "-w", "-l", f"{folder}/log")
        run(*control, "-o", options, "start")
        try:
            yield f"postgresql+psycopg://plaudit@/postgres?host={folder}"
        finally:
            run(*control, "-m", "immediate", "stop")


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database with the tables of this release."""
    if request.param == "sqlite":
        made = open_database(f"sqlite:///{tmp_path / 'plaudit.db'}")
    else:
        made = connect(request.getfixturevalue("postgres"))
        with made.begin() as connection:  # the tables, and which revision they were
            connection.execute(sa.text("DROP SCHEMA IF EXISTS public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        migrate(made)
    yield made
    made.dispose()
=======
    server: LocalPostgres = request.getfixturevalue("postgres_server")
    yield server.url()
>>>>>>> f657368 (Transactional outbox: enqueue in the service's own transaction, relayed in order per key)
