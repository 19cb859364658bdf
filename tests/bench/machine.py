"""The machine's resources and the processes' use of them, from /proc."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from confluent_kafka import libversion

from plaudit.events.avro.build_kind import form

_PROC: Final = Path("/proc")
_LIBRARIES: Final = (
    "plaudit", "confluent-kafka", "fastavro", "orjson", "uvloop", "httptools", "httpx", "aiohttp",
)  # fmt: skip


class NotMeasurable(Exception):
    """This machine does not provide the figures to measure."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores of each process.

    Attributes:
        workers: a core for each worker, in the order in which they start.
        rest: for the brokers, the sink, the load generator and this process.
    """

    workers: tuple[int, ...]
    rest: tuple[int, ...]

    def alone(self, workers: int) -> dict[int, int]:
        """Return which of these workers have a core for themselves, and which core that is."""
        used = self.workers[:workers]
        return {
            number: core
            for number, core in enumerate(used)
            if core not in self.rest and used.count(core) == 1
        }

    def __str__(self) -> str:
        """Return the assignment of cores as text."""
        rest = ", ".join(map(str, self.rest))
        if not self.alone(1):
            return f"one core only ({rest}): the worker shares it with everything else"
        return f"the worker on core {self.workers[0]}, everything else on {rest}"


def allot(available: Sequence[int], workers: int = 1) -> Cores:
    """Give each worker a core, from the last one down, and leave at least one to the rest.

    With too few cores, workers after the first share them with the rest.
    """
    spare = list(available[1:]) or list(available)
    given = [spare[-1 - number % len(spare)] for number in range(min(workers, len(spare)))]
    given += [available[number % len(available)] for number in range(workers - len(given))]
    rest = [core for core in available if core not in given[: len(available) - 1]]
    return Cores(tuple(given), tuple(rest) or tuple(available))


def available_cores() -> list[int]:
    """Return the cores that this process may use.

    Raises:
        NotMeasurable: no Linux.
    """
    if not hasattr(os, "sched_getaffinity") or not (_PROC / "stat").exists():
        raise NotMeasurable("plaudit bench needs Linux: it pins processes and reads /proc")
    return sorted(os.sched_getaffinity(0))


@contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Pin this process and its new children to some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used: user and system, all of its threads."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int, *, peak: bool = True) -> float:
    """Return the peak or the current resident memory of a process."""
    name = "VmHWM:" if peak else "VmRSS:"
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith(name)]
    return int(line.split()[1]) / 1_024


def descriptors(pid: int) -> int:
    """Return the number of a process's open file descriptors."""
    return sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())


def busy_s(cores: Sequence[int]) -> float:
    """Return how long these cores have run processes, without interrupts."""
    wanted = {f"cpu{core}" for core in cores}
    fields = [line.split() for line in (_PROC / "stat").read_text().splitlines()]
    ticks = sum(sum(map(int, line[1:4])) for line in fields if line and line[0] in wanted)
    return ticks / os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, object]:
    """Return a description of the machine and its load, for readers."""
    return {
        "cpu": _cpu_model(),
        "cores": len(available_cores()),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "build": form(),
        "librdkafka": libversion()[0],
        "versions": _versions(),
    }


def _cpu_model() -> str:
    for line in (_PROC / "cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _versions() -> Mapping[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
