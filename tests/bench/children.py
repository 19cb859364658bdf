"""Child processes of the benchmark: the sink and the references."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bench.machine import cpu_s, descriptors, memory_mib, pinned
from bench.sink import HANGS, Reading

if TYPE_CHECKING:
    from typing import Self

TESTS: Final = Path(__file__).parents[1]
_STOP_S: Final = 10.0


class ChildFailed(Exception):
    """A child process ended unexpectedly; the message has the end of its output."""


class Child:
    """`python -m <module> <options as JSON>` on some cores, with a log; finds the tests' modules.

    Args:
        module: to run.
        options: for its only argument.
        cores: to run on.
        log: takes its standard error.
        environment: for the process; None: as ours.
    """

    def __init__(
        self,
        module: str,
        options: Mapping[str, object],
        cores: Sequence[int],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._name = module.rpartition(".")[2]
        self._log = log
        inherited = os.environ if environment is None else environment
        with log.open("wb") as stderr, pinned(cores):
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**inherited, "PYTHONPATH": str(TESTS)},
                text=True,
                start_new_session=True,  # Ctrl-C is for us: we stop them in order
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def check(self) -> None:
        """Check that the process is running.

        Raises:
            ChildFailed: it has ended by itself.
        """
        if self._process.poll() is not None:
            raise ChildFailed(self._said())

    def ask(self, *order: object) -> Any:
        """Send a command, and return the answer.

        Raises:
            ChildFailed: the process sent no answer.
        """
        if self._process.stdin is None:
            raise ChildFailed(self._said())
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildFailed(self._said()) from None
        return self.hear()

    def hear(self) -> Any:
        """Return the next line of its output.

        Raises:
            ChildFailed: it says nothing more.
        """
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise ChildFailed(self._said())
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _said(self) -> str:
        tail = self._log.read_text(errors="replace").splitlines()[-5:]
        said = " / ".join(tail) or "it said nothing"
        return f"the {self._name} ended by itself: {said}"


class Arrival(NamedTuple):
    """A request at the sink."""

    event_id: str
    path: str
    at_ns: int


class Sink(Child):
    """The receiver, and its counts.

    Args:
        cores: to run on.
        folder: for its log.
        record: whether every arrival is kept.
        chain: PEM file with key and certificate; with one it also listens for TLS.
    """

    def __init__(
        self, cores: Sequence[int], folder: Path, *, record: bool = False, chain: Path | None = None
    ) -> None:
        options = {"record": record, "chain": None if chain is None else str(chain)}
        super().__init__("bench.sink", options, cores, folder / "sink.log")
        self._ports: list[int] = self.hear()

    def url(self, path: str, host: str = "127.0.0.1", *, tls: bool = False) -> str:
        """Return the URL of a path."""
        scheme, port = ("https", self._ports[1]) if tls else ("http", self._ports[0])
        return f"{scheme}://{host}:{port}{path}"

    def reading(self) -> Reading:
        """Return the current counts."""
        return Reading(**self.ask("reading"))

    def delay(self, path: str, seconds: float) -> None:
        """Set the delay of a path's answers."""
        self.ask("behave", path, seconds)

    def hang(self, path: str) -> None:
        """Stop a path from answering."""
        self.ask("behave", path, HANGS)

    def paths(self) -> dict[str, int]:
        """Return the number of requests to each path."""
        counts: dict[str, int] = self.ask("paths")
        return counts

    def arrivals(self) -> list[Arrival]:
        """Return every arrival, in order, from a sink that records arrivals."""
        return [Arrival(*each) for each in self.ask("arrivals")]


class Use(NamedTuple):
    """Resources of processes."""

    cpu_s: float
    peak_mib: float
    descriptors: int


def use(pids: Sequence[int]) -> Use:
    """Return the total resources of some processes; memory is that of the largest."""
    return Use(
        sum(cpu_s(pid) for pid in pids),
        max(memory_mib(pid) for pid in pids),
        max(descriptors(pid) for pid in pids),
    )
