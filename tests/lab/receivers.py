"""Receivers that answer as a test wants, as the lab holds them: a process, and what it has seen."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from bench.children import Child
from lab.receiver_process import Answers


class Seen(NamedTuple):
    """One request, as the receiver saw it."""

    event_id: str
    path: str
    at_ns: int
    status: int


class Receivers(Child):
    """The process of all receivers; its log is left in a folder."""

    def __init__(self, folder: Path) -> None:
        cores = sorted(os.sched_getaffinity(0))
        log = folder / "receivers.log"
        super().__init__("lab.receiver_process", {}, cores, log)
        self._port: int = self.hear()

    def url(self, name: str) -> str:
        """Return where a receiver is reached."""
        return f"http://127.0.0.1:{self._port}/{name}"

    def behave(self, name: str, answers: Answers) -> None:
        """Let a receiver answer so from now on."""
        self.ask("behave", f"/{name}", asdict(answers))

    def taken(self) -> int:
        """Return how many requests were answered with 200."""
        count: int = self.ask("taken")
        return count

    def seen(self) -> list[Seen]:
        """Return every request, in order."""
        return [Seen(*each) for each in self.ask("seen")]
