"""Result of a day: outcomes and delays of deliveries, by kind of endpoint, phase and tenant.

Pure: judges what was collected.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from lab.day.kinds import ALL, Kind
from lab.day.shape import Shape
from lab.evidence import Arrival, Committed, Evidence
from lab.ledger import Books, Pair, early, lateness, wrong
from lab.spreads import Spread, spread
from lab.stage import Worker
from plaudit.kafka.read.consumer import Partition

Fate = Literal["delivered", "dead", "waiting", "unread", "unmatched", "lost"]
TENANTS_SHOWN: Final = 5
MEASURED: Final = 10
"""Deliveries of a tenant below which it has no percentile."""
EXAMPLES: Final = 3


class Sample(NamedTuple):
    """Resources of a worker at one point in time."""

    at_ms: int
    worker: int
    cpu_s: float
    mib: float


@dataclass(frozen=True, slots=True)
class Fates:
    """Final committed positions of the groups."""

    committed: Mapping[Partition, Committed | None]

    def is_open(self, partition: Partition, offset: int) -> bool:
        """Return whether a group has not finished a record."""
        place = self.committed.get(partition)
        return place is None or not place.covers(offset)


@dataclass(frozen=True, slots=True)
class DayEvidence:
    """Collected evidence of a day.

    Attributes:
        phases: start of each phase in epoch milliseconds.
        complaints: problems other than those of deliveries.
    """

    shape: Shape
    evidence: Evidence
    fates: Fates
    phases: tuple[tuple[int, str], ...]
    samples: tuple[Sample, ...]
    workers: tuple[Worker, ...]
    complaints: tuple[str, ...] = ()
    interrupted: bool = False


@dataclass(slots=True)
class Row:
    """Figures of a kind of endpoint.

    Attributes:
        refused: requests that got 429 or 503.
        repeated: deliveries that were taken more than once, counted beyond the first time.
        waits: from the brokers' acknowledgement to the first request, in milliseconds.
        taken: the same to the answer with 2xx that counts.
        late: of retries, from due to the attempt.
    """

    kind: Kind
    endpoints: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    requests: int = 0
    refused: int = 0
    repeated: int = 0
    waits: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    @property
    def due(self) -> int:
        """Number of expected deliveries."""
        return self.fates.total()


@dataclass(frozen=True, slots=True)
class Findings:
    """Result of a day.

    Attributes:
        rows: by kind of endpoint.
        phases: delays of first requests to innocent endpoints, by phase, in order.
        tenants: the same by tenant, worst first.
        tenants_p99: median of the tenants' p99.
        repeats: repeated deliveries by the phase of the repetition.
        unexpected: unexpected dead letters by reason.
    """

    rows: list[Row]
    phases: list[tuple[str, int, Spread | None]]
    tenants: list[tuple[str, int, Spread]]
    tenants_p99: float
    repeats: Counter[str]
    unexpected: Counter[str]
    lost: list[str]
    early: list[str]
    wrong: list[str]

    @property
    def totals(self) -> Row:
        """Sum of all rows."""
        total = Row(Kind("all", ALL[0].behavior))
        for row in self.rows:
            total.endpoints += row.endpoints
            total.fates += row.fates
            total.requests += row.requests
            total.refused += row.refused
            total.repeated += row.repeated
            total.waits += row.waits
            total.taken += row.taken
            total.late += row.late
        return total

    def complaints(self) -> list[str]:
        """Return each broken promise with a few examples."""
        named = {"lost": self.lost, "early": self.early, "wrong": self.wrong}
        found = [
            f"{len(pairs)} {name}: {'; '.join(pairs[:EXAMPLES])}"
            for name, pairs in named.items()
            if pairs
        ]
        return found + [f"{n} dead letters, {why}" for why, n in self.unexpected.items()]


def judge(day: DayEvidence) -> Findings:
    """Compare the expected deliveries with the actual ones."""
    books = Books(day.evidence)
    rows = {kind.name: Row(kind) for kind in ALL}
    kinds = day.shape.kinds
    for kind in kinds.values():
        rows[kind.name].endpoints += 1
    lost: list[str] = []
    for pair, fate in fates(day, books):
        row = rows[kinds[pair[0]].name]
        row.fates[fate] += 1
        _measure(row, pair, books)
        if fate == "lost":
            lost.append(f"{pair[1]} to {pair[0]} ({row.kind.name})")
    for pair, _, late_ms in lateness(books):
        rows[kinds[pair[0]].name].late.append(late_ms)
    tenants, p99 = _tenants(day, books)
    return Findings(
        [row for row in rows.values() if row.endpoints],
        _phases(day, books),
        tenants,
        p99,
        _repeats(day, books),
        Counter(_unexpected(day)),
        lost,
        list(early(books)),
        list(wrong(books)),
    )


def fates(day: DayEvidence, books: Books) -> Iterator[tuple[Pair, Fate]]:
    """Yield the outcome of each expected delivery."""
    for pair, _ in books.due():
        yield pair, _fate(day, books, pair)


def _fate(day: DayEvidence, books: Books, pair: Pair) -> Fate:
    """Return the outcome of a delivery.

    A delivery without an outcome is lost if the groups have committed all of its records.
    """
    if books.delivered(pair):
        return "delivered"
    if any(day.fates.is_open(each.partition, each.offset) for each in books.waiting.get(pair, ())):
        return "waiting"
    if pair in books.letters:
        return "dead"
    accepted = day.evidence.accepted[pair[1]]
    if day.fates.is_open(accepted.partition, accepted.offset):
        return "unread"
    # An endpoint receives nothing that is published after its 410.
    return "unmatched" if day.shape.kinds[pair[0]].role == "gone" else "lost"


def _measure(row: Row, pair: Pair, books: Books) -> None:
    arrived = books.arrivals.get(pair, ())
    if not arrived:
        return
    accepted = books.evidence.accepted[pair[1]]
    takings = list(filter(_is_taken, arrived))
    row.requests += len(arrived)
    row.refused += sum(each.status in (429, 503) for each in arrived)
    row.waits.append(arrived[0].at_ms - accepted.at_ms)
    if takings:
        row.repeated += len(takings) - 1
        row.taken.append(takings[0].at_ms - accepted.at_ms)


def _is_taken(arrival: Arrival) -> bool:
    return 200 <= arrival.status < 300


def innocent_waits(day: DayEvidence, books: Books) -> Iterator[tuple[Pair, int, int]]:
    """Yield the acceptance times and the delays of deliveries to innocent endpoints."""
    for pair, arrived in books.arrivals.items():
        accepted = day.evidence.accepted.get(pair[1])
        if accepted is not None and day.shape.kinds[pair[0]].innocent:
            yield pair, accepted.at_ms, arrived[0].at_ms - accepted.at_ms


def _phase_at(day: DayEvidence, at_ms: int) -> int:
    return max(0, bisect_right(day.phases, at_ms, key=lambda each: each[0]) - 1)


def _phases(day: DayEvidence, books: Books) -> list[tuple[str, int, Spread | None]]:
    found: dict[int, list[float]] = defaultdict(list)
    for _, at_ms, wait_ms in innocent_waits(day, books):
        found[_phase_at(day, at_ms)].append(wait_ms)
    return [
        (name, len(found[number]), spread(found[number]))
        for number, (_, name) in enumerate(day.phases)
    ]


def _tenants(day: DayEvidence, books: Books) -> tuple[list[tuple[str, int, Spread]], float]:
    homes = {each.name: tenant.name for tenant in day.shape.tenants for each in tenant.endpoints}
    found: dict[str, list[float]] = defaultdict(list)
    for (subscriber, _), _, wait_ms in innocent_waits(day, books):
        found[homes[subscriber]].append(wait_ms)
    spreads = [
        (name, len(waits), made)
        for name, waits in found.items()
        if len(waits) >= MEASURED and (made := spread(waits)) is not None
    ]
    spreads.sort(key=lambda each: -each[2].p99)
    middle = spread(each[2].p99 for each in spreads)
    return spreads[:TENANTS_SHOWN], middle.p50 if middle else 0.0


def _repeats(day: DayEvidence, books: Books) -> Counter[str]:
    return Counter(
        day.phases[_phase_at(day, again.at_ms)][1]
        for arrived in books.arrivals.values()
        for again in list(filter(_is_taken, arrived))[1:]
    )


def _unexpected(day: DayEvidence) -> Iterator[str]:
    for letter in day.evidence.letters:
        kind = day.shape.kinds[letter.subscriber]
        if letter.reason not in kind.reasons:
            yield f"{letter.reason}, of {kind.name}"
