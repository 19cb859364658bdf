"""Measurement of the work between two points in a steady state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.children import Use
from bench.honesty import Conditions
from bench.sink import Reading


@dataclass(frozen=True, slots=True)
class Instant:
    """Counts at one point in time.

    Attributes:
        sink: counts of the sink.
        use: resources of the measured processes.
        alone_s: CPU time of processes with their own core.
        cores_s: busy time of those cores.
    """

    sink: Reading
    use: Use
    alone_s: float
    cores_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """The work between two moments of steady state.

    Attributes:
        arrived: requests at the sink.
        values: metrics, by name.
        sink_share: of a core, used by the sink.
        foreign_share: of the contender's own cores, used by others; None: it has none.
    """

    arrived: int
    values: Mapping[str, float]
    sink_share: float
    foreign_share: float | None

    def conditions(self) -> Conditions:
        """Return the conditions of the measurement, without those of the load generator."""
        return Conditions(self.arrived, self.sink_share, self.foreign_share)


def window(begin: Instant, end: Instant, own_cores: int) -> Window:
    """Return the difference between two points in time."""
    seconds = max(1e-9, (end.sink.at_ns - begin.sink.at_ns) / 1e9)
    arrived = end.sink.arrived - begin.sink.arrived
    sink_s = end.sink.cpu_s - begin.sink.cpu_s
    values = {
        "rate": arrived / seconds,
        "cpu_us": (end.use.cpu_s - begin.use.cpu_s) / max(1, arrived) * 1e6,
        "sink_us": sink_s / max(1, arrived) * 1e6,
        "memory_mib": end.use.peak_mib,
        "descriptors": float(end.use.descriptors),
    }
    foreign_s = (end.cores_s - begin.cores_s) - (end.alone_s - begin.alone_s)
    foreign = max(0.0, foreign_s) / seconds / own_cores if own_cores else None
    return Window(arrived, values, sink_s / seconds, foreign)
