"""A Postgres of our own, on a socket in a folder of its own and on no port; it may be killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Self

import psycopg


class LocalPostgres:
    """A server that keeps its data over restarts; as a context manager it starts and stops.

    Args:
        programs: the folder of `initdb` and `pg_ctl`.
        durable: whether it waits for the disk at each commit.
    """

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        # As root it must run as somebody else; the folder is theirs then.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._folder = tempfile.TemporaryDirectory(prefix="plaudit-pg-", ignore_cleanup_errors=True)
        folder = self._folder.name
        self._data = Path(folder, "data")
        self._control = (f"{programs}/pg_ctl", "-D", f"{self._data}", "-w", "-l", f"{folder}/log")
        self._options = f"-k {folder} -c listen_addresses=''" + ("" if durable else " -c fsync=off")
        self._programs = programs

    def url(self, database: str = "postgres", scheme: str = "postgresql+psycopg") -> str:
        """Return the URL of a database."""
        return f"{scheme}://plaudit@/{database}?host={self._folder.name}"

    def new_database(self) -> str:
        """Create an empty database; return its name."""
        name = f"d{uuid.uuid4().hex[:10]}"
        with psycopg.connect(self.url(scheme="postgresql"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return (self._data / "postmaster.pid").exists()

    def start(self) -> None:
        self._run(*self._control, "-o", self._options, "start")

    def kill(self) -> None:
        """End it as a power failure would: connections die, and it recovers when it starts."""
        self._run(*self._control, "-m", "immediate", "stop")

    def __enter__(self) -> Self:
        if self._user is not None:
            shutil.chown(self._folder.name, self._user)
        made = (f"{self._programs}/initdb", "-D", f"{self._data}", "-U", "plaudit", "-A", "trust")
        self._run(*made, "--no-sync")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    def _run(self, *command: str) -> None:
        subprocess.run(
            command,
            check=True,
            user=self._user,
            cwd=self._folder.name,
            stdout=subprocess.DEVNULL,
        )


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None
