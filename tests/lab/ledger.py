"""Ledger: comparison of accepted events with arrivals, as pure functions that tests can make fail.

A delivery is a pair (subscriber, event). One request is due for the event, and one for each record
in a retry topic. Further requests are repetitions. A repetition needs an explanation: a killed
worker held the record and had not committed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Final, TypeAlias, TypeVar

from lab.evidence import Accepted, Arrival, Evidence, Killed, Letter, Line, Waiting
from lab.spreads import Spread, spread
from plaudit.kafka.read.consumer import Partition

Pair: TypeAlias = "tuple[str, str]"
P = TypeVar("P", Arrival, Line, Waiting, Letter)

DELIVERED: Final = "delivered"
REFUSED: Final = "write_refused"
# A request in flight when its sender died may be counted a little later.
ON_ITS_WAY_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class KillFigures:
    """Cost of one kill.

    Attributes:
        uncommitted: deliveries in progress from uncommitted records.
        doubled: repeated ones among them.
        first_s: seconds until another worker delivered from any of the partitions.
        all_s: seconds until other workers delivered from every partition with pending records.
    """

    at_ms: int
    worker: int
    uncommitted: int
    doubled: int
    first_s: float | None
    all_s: float | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Verdict on a run. The lists contain pairs, and are empty if no promise was broken.

    Attributes:
        accepted: events that the brokers acknowledged.
        due: expected deliveries.
        delivered: number of them with a 2xx response.
        buried: number of them that ended as dead letters.
        arrivals: number of requests.
        doubled: number of repeated requests.
        lost: deliveries without the expected outcome.
        wrong: requests with a wrong content or receiver.
        early: attempts before the end of a tier's delay.
        unrecorded: settled deliveries without an attempt record.
        unexplained: repetitions that no kill explains.
        waits: times from acknowledgement to first arrival.
        late: delays of retries after their due time.
    """

    accepted: int
    due: int
    delivered: int
    buried: int
    arrivals: int
    doubled: int
    kills: tuple[KillFigures, ...]
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    waits: Spread | None = None
    late: Spread | None = None

    def complaints(self, repetitions: int = 0) -> list[str]:
        """Return each broken promise with a few examples.

        Args:
            repetitions: allowed number of unexplained repetitions.
        """
        lists = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if isinstance(getattr(self, each.name), list)
        }
        if len(self.unexplained) <= repetitions:
            del lists["unexplained"]
        return [
            f"{len(found)} {name}: {'; '.join(found[:3])}" for name, found in lists.items() if found
        ]


class Books:
    """The evidence, sorted by pair."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.arrivals: dict[Pair, list[Arrival]] = _by_pair(evidence.arrivals)
        self.lines: dict[Pair, list[Line]] = _by_pair(evidence.lines)
        self.waiting: dict[Pair, list[Waiting]] = _by_pair(evidence.waiting)
        self.letters: dict[Pair, list[Letter]] = _by_pair(evidence.letters)
        for arrived in self.arrivals.values():
            arrived.sort(key=lambda each: each.at_ms)

    def due(self) -> Iterator[tuple[Pair, Accepted]]:
        """Yield every expected delivery."""
        for event, accepted in self.evidence.accepted.items():
            for subscriber in self.evidence.subscribers(accepted):
                yield (subscriber, event), accepted

    def delivered(self, pair: Pair) -> bool:
        """Return whether a delivery was answered with 2xx."""
        return any(200 <= each.status < 300 for each in self.arrivals.get(pair, ()))

    def beyond(self, pair: Pair) -> int:
        """Return the number of repeated requests."""
        again = {each.attempts for each in self.waiting.get(pair, ()) if each.attempts}
        return max(0, len(self.arrivals.get(pair, ())) - 1 - len(again))

    def unlogged(self, pair: Pair) -> bool:
        """Return whether a request has no attempt record: another worker repeated it.

        While the next retry is pending, `beyond` counts the repetition as that retry.
        """
        made = sum(each.outcome != "diverted" for each in self.lines.get(pair, ()))
        return len(self.arrivals.get(pair, ())) > made

    def made_twice(self, pair: Pair) -> bool:
        """Return whether two workers made the same attempt, which leads to two retries.

        If a partition moves during a long request, its worker finishes the request, and the next
        worker repeats it. That repetition is not an early retry.
        """
        lines = self.lines.get(pair, ())
        made = [each.number for each in lines if each.outcome != "diverted"]
        return len(made) != len(set(made))

    def begun_by(self, pair: Pair, kill: Killed) -> bool:
        """Return whether a killed worker had started a delivery.

        A diversion writes an attempt record and a delivery record, but makes no request. If it was
        not committed, the delivery is attempted from the original record and from the new one. The
        kill may happen between the two writes.
        """
        return (
            any(each.started_at_ms <= kill.at_ms for each in self.lines.get(pair, ()))
            or any(each.written_ms <= kill.at_ms for each in self.waiting.get(pair, ()))
            or any(each.at_ms <= kill.at_ms + ON_ITS_WAY_MS for each in self.arrivals.get(pair, ()))
        )

    def cut_short(self, pair: Pair) -> bool:
        """Return whether a worker was killed before a delivery was settled."""
        return any(self.open_at(pair, kill) for kill in self.evidence.kills)

    def open_at(self, pair: Pair, kill: Killed) -> bool:
        """Return whether a delivery was started and not committed when its worker was killed."""
        return self.begun_by(pair, kill) and any(
            kill.may_repeat(*each) for each in self.records(pair)
        )

    def records(self, pair: Pair) -> Iterator[tuple[Partition, int]]:
        """Yield the records of a delivery."""
        accepted = self.evidence.accepted.get(pair[1])
        if accepted is not None:
            yield accepted.partition, accepted.offset
        for each in self.waiting.get(pair, ()):
            yield each.partition, each.offset


def judge(evidence: Evidence) -> Ledger:
    """Return the ledger of some evidence."""
    books = Books(evidence)
    due = dict(books.due())
    extras = {pair: extra for pair in books.arrivals if (extra := books.beyond(pair))}
    blamed, unexplained = _blame(books, extras)
    return Ledger(
        accepted=len(evidence.accepted),
        due=len(due),
        delivered=sum(map(books.delivered, due)),
        buried=sum(pair in books.letters for pair in due),
        arrivals=len(evidence.arrivals),
        doubled=sum(extras.values()),
        kills=tuple(_figures(books, kill, blamed) for kill in evidence.kills),
        lost=[f"{_say(pair)}: {why}" for pair in due if (why := _lost(books, pair))],
        wrong=[*wrong(books), *wrong_letters(books)],
        early=list(early(books)),
        unrecorded=list(_unrecorded(books)),
        unexplained=unexplained,
        waits=spread(_waits(books, due)),
        late=spread(late for _, _, late in lateness(books)),
    )


def _by_pair(found: Iterable[P]) -> dict[Pair, list[P]]:
    by_pair: dict[Pair, list[P]] = defaultdict(list)
    for each in found:
        by_pair[each.subscriber, each.event].append(each)
    return dict(by_pair)


def _say(pair: Pair) -> str:
    return f"{pair[1]} to {pair[0]}"


def _lost(books: Books, pair: Pair) -> str:
    """Return the missing outcome of a delivery; empty if it ended as expected."""
    ends = books.evidence.ends[pair[0]]
    if DELIVERED in ends and books.delivered(pair):
        return ""
    if ends - {DELIVERED} and pair in books.letters:
        return ""
    arrived = len(books.arrivals.get(pair, ()))
    return f"no {' or '.join(sorted(ends))} after {arrived} requests"


def wrong(books: Books) -> Iterator[str]:
    """Yield requests with a wrong content or receiver."""
    evidence = books.evidence
    for each in evidence.arrivals:
        pair = _say((each.subscriber, each.event))
        accepted = evidence.accepted.get(each.event)
        if each.wrong:
            yield f"{pair}: {each.wrong}"
        elif each.event not in evidence.published:
            yield f"{pair}: nobody published it"
        elif accepted is not None and not evidence.is_wanted(each.subscriber, accepted):
            yield f"{pair}: does not want {accepted.type}"
        elif accepted is not None and accepted.digest and accepted.digest != each.digest:
            yield f"{pair}: another body"


def wrong_letters(books: Books) -> Iterator[str]:
    """Yield unexpected dead letters, and those with a wrong reason."""
    for pair, letters in books.letters.items():
        for letter in letters:
            if letter.reason not in books.evidence.ends[letter.subscriber]:
                yield f"{_say(pair)}: a dead letter, {letter.reason}"


def early(books: Books) -> Iterator[str]:
    """Yield early attempts, according to attempt records and to arrivals."""
    for pair, number, late_ms in lateness(books):
        if late_ms < 0:
            yield f"{_say(pair)}: attempt {number} was {-late_ms} ms early"
    for pair, waiting in books.waiting.items():
        repeated = books.beyond(pair) or books.unlogged(pair) or books.made_twice(pair)
        if repeated or any(each.diversions for each in waiting):
            continue
        dues = sorted(each.due_ms for each in waiting)
        for due_ms, arrival in zip(dues, books.arrivals.get(pair, ())[1:], strict=False):
            if arrival.at_ms < due_ms:
                yield f"{_say(pair)}: arrived {due_ms - arrival.at_ms} ms early"


def lateness(books: Books) -> Iterator[tuple[Pair, int, int]]:
    """Yield the attempts from a tier, with their number and their lateness."""
    for pair, waiting in books.waiting.items():
        dues: dict[int, int] = {}
        for each in waiting:
            dues[each.attempts] = min(each.due_ms, dues.get(each.attempts, each.due_ms))
        for line in books.lines.get(pair, ()):
            due_ms = dues.get(line.number - 1)
            if line.number > 1 and due_ms is not None and line.outcome != "diverted":
                yield pair, line.number, line.started_at_ms - due_ms


def _unrecorded(books: Books) -> Iterator[str]:
    """Yield settled deliveries without an attempt record.

    If a worker is killed before a retry's attempt record is written, another worker repeats the
    retry, perhaps with another outcome. The first record is then missing, which is not an error.
    """
    outcomes = {
        pair: {(each.outcome, each.number) for each in lines} for pair, lines in books.lines.items()
    }
    for pair in books.arrivals:
        if books.delivered(pair) and not _has(outcomes.get(pair), {DELIVERED}):
            yield f"{_say(pair)}: delivered"
    for pair, letters in books.letters.items():
        written = any(each.reason != REFUSED for each in letters)
        if written and not _has(outcomes.get(pair), {"dead", "gone"}):
            yield f"{_say(pair)}: a dead letter"
    for pair, waiting in books.waiting.items():
        for each in waiting:
            step = ("retrying", each.attempts)
            missing = each.attempts and not each.diversions and step not in outcomes.get(pair, ())
            if missing and not books.cut_short(pair):
                yield f"{_say(pair)}: retry after attempt {each.attempts}"


def _has(found: set[tuple[str, int]] | None, wanted: set[str]) -> bool:
    return any(outcome in wanted for outcome, _ in found or ())


def _blame(books: Books, extras: dict[Pair, int]) -> tuple[dict[Killed, int], list[str]]:
    """Return the number of repetitions that each kill explains, and the unexplained ones."""
    blamed: dict[Killed, int] = defaultdict(int)
    unexplained: list[str] = []
    for pair, extra in extras.items():
        left = extra
        arrived = books.arrivals[pair]
        for kill in books.evidence.kills:
            if books.begun_by(pair, kill) and arrived[-1].at_ms > kill.at_ms:
                open_records = sum(kill.may_repeat(*each) for each in books.records(pair))
                taken = min(left, open_records)
                blamed[kill] += taken
                left -= taken
        if left and pair[0] not in books.evidence.resends:
            unexplained.append(
                f"{_say(pair)}: {left} of {len(arrived)} requests{_when(books, pair)}"
            )
    return blamed, unexplained


def _when(books: Books, pair: Pair) -> str:
    """Return the times of a delivery's requests, and the state of its records at each kill."""
    start = books.arrivals[pair][0].at_ms
    times = ", ".join(f"+{each.at_ms - start} ms {each.status}" for each in books.arrivals[pair])
    records = ", ".join(f"{partition}@{offset}" for partition, offset in books.records(pair))
    kills = ", ".join(
        f"+{kill.at_ms - start} ms {[kill.may_repeat(*each) for each in books.records(pair)]}"
        for kill in books.evidence.kills
    )
    return f" ({times}; from {records}; kills {kills})"


def _figures(books: Books, kill: Killed, blamed: dict[Killed, int]) -> KillFigures:
    begun = sum(1 for pair in books.arrivals if books.open_at(pair, kill))
    gaps = _gaps(books, kill)
    return KillFigures(
        kill.at_ms,
        kill.worker,
        begun,
        blamed.get(kill, 0),
        min(gaps) if gaps else None,
        max(gaps) if gaps else None,
    )


def _gaps(books: Books, kill: Killed) -> list[float]:
    """Return, for each partition of a killed worker, the seconds until another worker delivered.

    It uses only first attempts from event partitions, because retries are not due at once.
    """
    diverted = {(each.subscriber, each.event) for each in books.evidence.waiting if each.diversions}
    first: dict[Partition, int] = {}
    for line in books.evidence.lines:
        if (
            line.trigger == "event"
            and (line.subscriber, line.event) not in diverted
            and line.worker != kill.worker
            and line.started_at_ms > kill.at_ms
            and line.origin in kill.places
        ):
            at_ms = first.get(line.origin, line.started_at_ms)
            first[line.origin] = min(at_ms, line.started_at_ms)
    return [(at_ms - kill.at_ms) / 1_000 for at_ms in first.values()]


def _waits(books: Books, due: dict[Pair, Accepted]) -> Iterator[int]:
    for pair, accepted in due.items():
        arrived = books.arrivals.get(pair)
        if arrived:
            yield arrived[0].at_ms - accepted.at_ms
