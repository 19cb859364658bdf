"""Result of a play: latencies of endpoints, and the worker's resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bench.figures import percentile
from bench.machine import cpu_s, memory_mib
from lab.receiver_process import OK


class Use(NamedTuple):
    """Resources of the worker at one point in time.

    Attributes:
        at_s: seconds since the start of the play.
        cpu_s: CPU time of all threads.
        waited_s: time for which its event loop was ready, but other processes had the cores.
        mib: resident memory.
    """

    at_s: float
    cpu_s: float
    waited_s: float
    mib: float


@dataclass(slots=True)
class Seconds:
    """Resources of a worker by second of the play."""

    used: list[Use] = field(default_factory=list)

    def look(self, at_s: float, pid: int) -> None:
        """Measure once a second."""
        if not self.used or at_s - self.used[-1].at_s >= 1:
            _, waited_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
            waited_s, mib = int(waited_ns) / 1e9, memory_mib(pid, peak=False)
            self.used.append(Use(at_s, cpu_s(pid), waited_s, mib))

    def told(self, since_s: float, until_s: float) -> str:
        """Return the shares of a core that it used and that it lacked between two times."""
        part = [each for each in self.used if since_s <= each.at_s <= until_s]
        if len(part) <= 1:
            return "not known"
        first, last = part[0], part[-1]
        lasted_s = last.at_s - first.at_s
        used, lacked = last.cpu_s - first.cpu_s, last.waited_s - first.waited_s
        return f"{used / lasted_s:.2f} of a core, and waited for one {lacked / lasted_s:.0%}"

    @property
    def most_mib(self) -> float:
        """Return the peak of its memory."""
        return max(each.mib for each in self.used)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a play; times are seconds after its start.

    Attributes:
        published_s: time of publishing by event id, for every stream.
        requests: event id, time and status of each request, by endpoint.
        worker: resources of the worker.
    """

    published_s: dict[str, dict[str, float]]
    requests: dict[str, list[tuple[str, float, int]]]
    worker: Seconds

    def delivered_s(self, name: str) -> dict[str, float]:
        """Return when an endpoint first accepted each event."""
        return {
            event_id: at_s for event_id, at_s, status in reversed(self.requests[name])
            if status == OK
        }  # fmt: skip

    def took_s(self, name: str, since_s: float = 0.0, until_s: float = 1e9) -> list[float]:
        """Return the latencies of events that were published between two times, ascending."""
        delivered = self.delivered_s(name)
        return sorted(
            delivered[event_id] - at_s
            for event_id, at_s in self.published_s[name].items()
            if since_s <= at_s < until_s and event_id in delivered
        )

    def per_s(self, name: str, since_s: float, until_s: float) -> float:
        """Return the number of deliveries that an endpoint accepted in a second."""
        taken = self.delivered_s(name).values()
        return sum(since_s <= at_s < until_s for at_s in taken) / (until_s - since_s)

    def missing(self) -> int:
        """Return the number of missing deliveries."""
        return sum(
            len(each) - len(self.delivered_s(name)) for name, each in self.published_s.items()
        )

    def repeated(self) -> int:
        """Return the number of repeated deliveries."""
        taken = Counter(
            (name, event_id)
            for name, each in self.requests.items()
            for event_id, _, status in each
            if status == OK
        )
        return sum(taken.values()) - len(taken)

    def refused(self, name: str) -> int:
        """Return the number of requests that an endpoint refused."""
        return sum(status != OK for _, _, status in self.requests[name])

    def lines(self, name: str, *moments: float) -> Iterator[str]:
        """Yield the figures of an endpoint between each two times."""
        for since_s, until_s in pairwise(moments):
            took = self.took_s(name, since_s, until_s)
            if took:
                p50, p99 = percentile(took, 0.5) * 1_000, percentile(took, 0.99) * 1_000
                yield (
                    f"{name} {since_s:.0f}-{until_s:.0f} s: p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
                    f"max {took[-1] * 1_000:.0f} ms ({len(took)} events); takes "
                    f"{self.per_s(name, since_s, until_s):.0f}/s"
                )

    def told(self, *moments: float) -> str:
        """Return the report as text."""
        ended_s = max(at_s for each in self.requests.values() for _, at_s, _ in each)
        spans = [*moments, max(ended_s, moments[-1] + 1)]
        used = f"memory {self.worker.used[0].mib:.0f} MiB, {self.worker.most_mib:.0f} at most"
        ended = f"all by {ended_s:.1f} s"
        lines = [f"missing {self.missing()}, repeated {self.repeated()}, {ended}, {used}"]
        for since_s, until_s in pairwise(spans):
            used = self.worker.told(since_s, until_s)
            lines.append(f"CPU {since_s:.0f}-{until_s:.0f} s: {used}")
        for name in self.published_s:
            lines.append(
                f"{name}: {len(self.requests[name])} requests, {self.refused(name)} refused"
            )
            lines.extend(self.lines(name, *spans))
        return "\n".join(lines)
