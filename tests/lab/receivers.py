"""Client of the receivers' process, whose answers a test controls."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from bench.children import Child
from lab.receiver_process import Answers


class Seen(NamedTuple):
    """A request at a receiver."""

    event_id: str
    path: str
    at_ns: int
    status: int


class Receivers(Child):
    """The process of all receivers, with its log in a folder."""

    def __init__(self, folder: Path) -> None:
        cores = sorted(os.sched_getaffinity(0))
        log = folder / "receivers.log"
        super().__init__("lab.receiver_process", {}, cores, log)
        self._port: int = self.hear()

    def url(self, name: str) -> str:
        """Return the URL of a receiver."""
        return f"http://127.0.0.1:{self._port}/{name}"

    def behave(self, name: str, answers: Answers) -> None:
        """Change the answers of a receiver."""
        self.ask("behave", f"/{name}", asdict(answers))

    def taken(self) -> int:
        """Return the number of 200 responses."""
        count: int = self.ask("taken")
        return count

    def seen(self) -> list[Seen]:
        """Return every request, in order."""
        return [Seen(*each) for each in self.ask("seen")]
