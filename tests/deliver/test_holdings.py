"""Workers that come, go, crash and share partitions, against a log that remembers all."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from plaudit.deliver.offsets import bitmap
from plaudit.deliver.offsets.assignment import Assignment, PartitionLimits, Record
from plaudit.deliver.offsets.assignments import Assignments
from plaudit.deliver.offsets.buffer import IntakeLimits
from plaudit.deliver.offsets.window import WindowLimits
from plaudit.kafka.read.consumer import CommittedOffset, Partition

PARTITIONS = [Partition("t", number) for number in range(3)]
SIZE = 10
LIMITS = PartitionLimits(WindowLimits(span=12), IntakeLimits(records=3))
DELAY = 20
At = tuple[Partition, int]


def first(_: Partition) -> int:
    """Return where a log begins."""
    return 0


@dataclass
class Worker:
    """A process: what it holds, where its client reads, and what is under way in it."""

    positions: dict[Partition, int] = field(default_factory=dict)
    under_way: list[Record] = field(default_factory=list)
    holdings: Assignments = field(init=False)

    def __post_init__(self) -> None:
        self.holdings = Assignments({"t": DELAY}, lambda _: None, LIMITS)


class GroupMachine(RuleBasedStateMachine):
    """Three partitions, three workers at most, rebalances of both kinds, crashes."""

    @initialize()
    def begin(self) -> None:
        self.logs: dict[Partition, list[int]] = {each: [] for each in PARTITIONS}
        self.ends = dict.fromkeys(PARTITIONS, 0)
        self.group = dict.fromkeys(PARTITIONS, CommittedOffset(None, ""))
        self.appended: dict[At, int] = {}
        self.settled: set[At] = set()
        self.handed: dict[At, Assignment] = {}
        self.may_repeat: set[At] = set()
        self.now = 0
        self.workers = [Worker()]
        self.deal([0, 0, 0])

    @rule(ticks=st.integers(1, 40))
    def time_passes(self, ticks: int) -> None:
        self.now += ticks

    # What happens to the log.

    @rule(
        number=st.integers(0, 2), gaps=st.lists(st.integers(0, 3), max_size=8), tail=st.booleans()
    )
    def append(self, number: int, gaps: list[int], *, tail: bool) -> None:
        partition = PARTITIONS[number]
        for gap in gaps:
            self.logs[partition].append(self.ends[partition] + gap)
            self.ends[partition] += gap + 1
            self.appended[partition, self.logs[partition][-1]] = self.now
        # An aborted transaction: offsets that no reader sees.
        self.ends[partition] += 2 * tail

    # What a worker does.

    @rule(which=st.integers(0, 2), most=st.integers(1, 6))
    def poll(self, which: int, most: int) -> None:
        worker = self.workers[which % len(self.workers)]
        for partition, assignment in worker.holdings.held.items():
            position = worker.positions[partition]
            found = [each for each in self.logs[partition] if each >= position][:most]
            records = [
                Record(assignment, each, self.appended[partition, each], b"x" * SIZE)
                for each in found
            ]
            worker.positions[partition] = found[-1] + 1 if found else position
            if not assignment.offer(records):
                assert assignment.reread_at is not None
                worker.positions[partition] = assignment.reread_at
            elif not [each for each in self.logs[partition] if each >= worker.positions[partition]]:
                worker.positions[partition] = self.ends[partition]
                assignment.ended(self.ends[partition])
            self.hand_over(worker, assignment)

    def record(self, assignment: Assignment, offset: int) -> Record:
        appended = self.appended[assignment.partition, offset]
        return Record(assignment, offset, appended, b"x" * SIZE)

    def hand_over(self, worker: Worker, assignment: Assignment) -> None:
        records = assignment.take(self.now, 100)
        worker.holdings.handed_over(records)
        for record in records:
            at = (assignment.partition, record.offset)
            assert self.appended[at] + DELAY <= self.now, f"{at} is early"
            assert at not in self.handed or at in self.may_repeat, f"{at} is repeated for nothing"
            self.handed[at] = assignment
            self.may_repeat.discard(at)
            record.pending = 1
            assignment.begun += 1
            worker.under_way.append(record)

    @rule(which=st.integers(0, 2), data=st.data())
    def settle(self, which: int, data: st.DataObject) -> None:
        """In any order, and also when the partition is another worker's by now."""
        worker = self.workers[which % len(self.workers)]
        if worker.under_way:
            index = data.draw(st.integers(0, len(worker.under_way) - 1))
            record = worker.under_way.pop(index)
            self.settled.add((record.assignment.partition, record.offset))
            worker.holdings.settled(record)

    @rule(which=st.integers(0, 2), fails=st.booleans())
    def commit(self, which: int, *, fails: bool) -> None:
        """A commit that is not waited for may fail later."""
        for assignment in self.workers[which % len(self.workers)].holdings.held.values():
            place = assignment.change()
            if place is None:
                assert assignment.place() == self.group[assignment.partition], "not committed"
                continue
            assignment.committed(place)
            if fails:
                assignment.commit_failed()
            else:
                self.group[assignment.partition] = place

    # What happens to the group.

    @rule(
        owners=st.tuples(*[st.integers(0, 2)] * 3),
        members=st.integers(1, 3),
        deaf=st.integers(0, 5),
    )
    def rebalance_that_revokes_everything(
        self, owners: tuple[int, int, int], members: int, deaf: int
    ) -> None:
        """One worker may not hear of what it is given: the next rebalance comes too soon."""
        for worker in self.workers:
            self.commit_now(list(worker.holdings.held.values()))
            worker.holdings.keep()
        self.workers = self.workers[:members]
        self.workers += [Worker() for _ in range(members - len(self.workers))]
        self.deal(list(owners), deaf)

    @rule(owners=st.tuples(*[st.integers(0, 2)] * 3))
    def every_session_ends(self, owners: tuple[int, int, int]) -> None:
        """No broker answered for too long: the last commits fail after the partitions are lost."""
        for worker in self.workers:
            for assignment in worker.holdings.held.values():
                place = assignment.change()
                if place is not None:
                    assignment.committed(place)
            worker.holdings.keep()
        self.deal(list(owners))

    def deal(self, owners: list[int], deaf: int = -1) -> None:
        for index, worker in enumerate(self.workers):
            if index == deaf:
                continue
            given = [
                partition
                for partition, owner in zip(PARTITIONS, owners, strict=True)
                if owner % len(self.workers) == index
            ]
            starts = worker.holdings.assign({each: self.group[each] for each in given}, first)
            worker.holdings.drop_kept()
            worker.positions = dict(starts)
            for partition in given:
                self.moved(partition, worker)

    @rule(giver=st.integers(0, 2), taker=st.integers(0, 2), number=st.integers(0, 2))
    def rebalance_that_takes_what_moves(self, giver: int, taker: int, number: int) -> None:
        gives = self.workers[giver % len(self.workers)]
        takes = self.workers[taker % len(self.workers)]
        partition = PARTITIONS[number]
        if gives is takes or partition not in gives.holdings.held:
            return
        self.commit_now([gives.holdings.held[partition]])
        gives.holdings.drop([partition])
        self.take_over(takes, partition)

    def take_over(self, taker: Worker, partition: Partition) -> None:
        taker.positions |= taker.holdings.assign({partition: self.group[partition]}, first)
        self.moved(partition, taker)

    def moved(self, partition: Partition, owner: Worker) -> None:
        """Deliver again the records that others held and the group does not know as done."""
        known = self.known_to_group(partition)
        mine = owner.holdings.held[partition]
        self.may_repeat |= {
            at
            for at, assignment in self.handed.items()
            if at[0] == partition and at[1] not in known and assignment is not mine
        }

    @rule(which=st.integers(0, 2))
    def crash(self, which: int) -> None:
        """A worker is killed: what it did and had not committed is done again."""
        index = which % len(self.workers)
        worker = self.workers[index]
        self.workers[index] = Worker()
        for partition in list(worker.holdings.held):
            self.take_over(self.workers[index], partition)

    def known_to_group(self, partition: Partition) -> set[int]:
        place = self.group[partition]
        if place.offset is None:
            return set()
        below = {each for each in self.logs[partition] if each < place.offset}
        return below | set(bitmap.decode(place.offset, place.metadata))

    def commit_now(self, assignments: list[Assignment]) -> None:
        for assignment in assignments:
            place = assignment.place()
            assignment.committed(place)
            self.group[assignment.partition] = place

    # What must always hold.

    @invariant()
    def the_group_knows_nothing_as_done_that_is_not_settled(self) -> None:
        for partition in PARTITIONS if hasattr(self, "group") else ():
            assert {(partition, each) for each in self.known_to_group(partition)} <= self.settled

    @invariant()
    def what_is_in_hand_adds_up(self) -> None:
        for worker in self.workers if hasattr(self, "workers") else ():
            kept = worker.holdings._kept.values()  # noqa: SLF001 - in hand, and not held
            windows = [each.window for each in (*worker.holdings.held.values(), *kept)]
            assert worker.holdings.in_hand == sum(each.pending for each in windows)
            assert worker.holdings.bytes_in_hand == worker.holdings.in_hand * SIZE

    def teardown(self) -> None:
        """Left alone, everything is settled, and the group stands at the logs' ends."""
        if not hasattr(self, "workers"):
            return
        self.rebalance_that_revokes_everything((0, 1, 2), len(self.workers), -1)
        for _ in range(500):
            self.now += DELAY
            for index, worker in enumerate(self.workers):
                self.poll(index, 100)
                for record in worker.under_way:
                    self.settled.add((record.assignment.partition, record.offset))
                    worker.holdings.settled(record)
                worker.under_way = []
                self.commit(index, fails=False)
            if all((self.group[each].offset or 0) == self.ends[each] for each in PARTITIONS):
                break
        for partition in PARTITIONS:
            assert self.group[partition].metadata == ""
            assert (self.group[partition].offset or 0) == self.ends[partition]
            assert {(partition, each) for each in self.logs[partition]} <= self.settled


TestGroup = GroupMachine.TestCase
TestGroup.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def test_a_partition_that_returns_in_the_next_generation_continues_where_it_was() -> None:
    """Also with what was settled meanwhile; what does not come back is let go."""
    stays, goes = PARTITIONS[:2]
    worker = Worker()
    worker.holdings.assign(dict.fromkeys((stays, goes), CommittedOffset(0, "")), first)
    before = worker.holdings.held[stays]
    left = worker.holdings.held[goes]
    before.offer([Record(before, offset, 0, b"x") for offset in range(3)])
    taken = before.take(DELAY, 2)
    worker.holdings.handed_over(taken)
    place = before.place()
    before.committed(place)
    left.committed(left.place())
    worker.holdings.keep()
    worker.holdings.settled(taken[0])
    starts = worker.holdings.assign({stays: place}, first)
    worker.holdings.drop_kept()
    assert worker.holdings.held == {stays: before}
    assert starts == {stays: 3}
    assert [each.offset for each in before.take(DELAY, 9)] == [2]
    assert before.place().offset == 1
    assert before.active
    assert not left.active


def test_a_partition_that_returns_after_an_outage_continues_though_the_last_commit_failed() -> None:
    """The others may have delivered it before they left."""
    partition = PARTITIONS[0]
    for stands_at in (CommittedOffset(0, ""), CommittedOffset(1, "")):
        worker = Worker()
        worker.holdings.assign({partition: CommittedOffset(0, "")}, first)
        held = worker.holdings.held[partition]
        held.offer([Record(held, offset, 0, b"x") for offset in range(2)])
        taken = held.take(DELAY, 2)
        worker.holdings.handed_over(taken)
        worker.holdings.settled(taken[0])
        held.committed(held.place())
        held.commit_failed()
        worker.holdings.keep()
        assert worker.holdings.assign({partition: stands_at}, first) == {partition: 2}
        assert worker.holdings.held[partition] is held
        place = CommittedOffset(1, "")
        assert held.change() == (None if stands_at == place else place)


def test_a_commit_that_fails_while_its_partition_is_away_is_repeated_when_it_returns() -> None:
    partition = PARTITIONS[0]
    worker = Worker()
    before = CommittedOffset(0, "")
    worker.holdings.assign({partition: before}, first)
    held = worker.holdings.held[partition]
    held.offer([Record(held, 0, 0, b"x")])
    taken = held.take(DELAY, 1)
    worker.holdings.handed_over(taken)
    worker.holdings.settled(taken[0])
    place = held.change()
    assert place is not None
    held.committed(place)
    worker.holdings.keep()
    assert worker.holdings.of([partition]) == []  # its failure reaches nobody
    worker.holdings.assign({partition: before}, first)
    assert held.change() == place


def test_a_returned_partition_starts_at_the_committed_offset() -> None:
    """We may not hear of a generation in which a partition was someone else's."""
    partition = PARTITIONS[0]
    worker = Worker()
    worker.holdings.assign({partition: CommittedOffset(4, "")}, first)
    before = worker.holdings.held[partition]
    before.committed(before.place())
    worker.holdings.keep()
    starts = worker.holdings.assign({partition: CommittedOffset(9, "")}, first)
    assert starts == {partition: 9}
    assert worker.holdings.held[partition] is not before
    assert not before.active


def test_a_failed_commit_is_repeated_though_nothing_else_has_changed() -> None:
    partition = PARTITIONS[0]
    worker = Worker()
    worker.holdings.assign({partition: CommittedOffset(0, "")}, first)
    held = worker.holdings.held[partition]
    held.offer([Record(held, 0, 0, b"x")])
    taken = held.take(DELAY, 1)
    worker.holdings.handed_over(taken)
    worker.holdings.settled(taken[0])
    place = held.change()
    assert place == CommittedOffset(1, "")
    held.committed(place)
    assert held.change() is None
    held.commit_failed()
    assert held.change() == place


def test_prefetched_records_after_a_seek_are_ignored() -> None:
    """Else what found no room would be a gap, and passed over."""
    partition = PARTITIONS[0]
    limits = PartitionLimits(intake=IntakeLimits(records=2))
    holdings = Assignments({partition.topic: 0}, lambda _: None, limits)
    holdings.assign({partition: CommittedOffset(0, "")}, first)
    held = holdings.held[partition]
    records = [Record(held, offset, 0, b"x") for offset in range(5)]
    assert not held.offer(records[:3])
    assert held.reread_at == 2
    assert [each.offset for each in held.take(DELAY, 9)] == [0, 1]
    assert held.offer(records[3:])
    assert held.take(DELAY, 9) == []
    assert held.offer(records[2:4])
    assert [each.offset for each in held.take(DELAY, 9)] == [2, 3]
