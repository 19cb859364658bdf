"""The work between two moments of steady state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.children import Use
from bench.honesty import Conditions
from bench.sink import Reading


@dataclass(frozen=True, slots=True)
class Instant:
    """Counts at one moment.

    Attributes:
        sink: its own.
        use: of the contender's processes.
        alone_s: CPU of those that have a core for themselves.
        cores_s: how long those cores have worked, for any process.
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
        """Return under which it was taken, as far as is seen from here."""
        return Conditions(self.arrived, self.sink_share, self.foreign_share)


def window(begin: Instant, end: Instant, own_cores: int) -> Window:
    """Compare two moments."""
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
