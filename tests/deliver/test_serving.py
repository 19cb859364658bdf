"""Acknowledgements are taken soon, and by an idle worker seldom."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest

from plaudit.deliver.model.defects import Defects
from plaudit.deliver.model.delivery import origin_of
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.settle import serving
from plaudit.deliver.settle.serving import Serving
from plaudit.deliver.settle.tickets import OpenTickets
from plaudit.kafka.read.consumer import CommittedOffset, Partition

if TYPE_CHECKING:
    from plaudit.kafka.write.producer import Producer

NEVER_S = 3_600.0


class Writing:
    """A producer with this many writes that are not acknowledged."""

    def __init__(self, open_writes: int) -> None:
        self.left = open_writes
        self.served = asyncio.Event()

    def unacknowledged(self) -> int:
        """Return how many."""
        return self.left

    def serve(self) -> None:
        """Note that acknowledgements were taken."""
        self.served.set()


def record() -> Record:
    """Return a record whose completion is ignored."""
    place = CommittedOffset(None, "")
    return Record(Assignment(Partition("events", 0), 0, place, 0, lambda _: None), 0, 0, b"x")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "IDLE_EVERY_S", NEVER_S)


async def served(writing: Writing, *, begin: bool) -> bool:
    """Return whether acknowledgements are taken within a while."""
    tickets = OpenTickets(Defects())
    taking = Serving(cast("Producer", writing), tickets)
    task = asyncio.create_task(taking.run())
    await asyncio.sleep(0)
    if begin:
        tickets.open(record(), origin_of(record()), 1)
        taking.expect()
    with suppress(TimeoutError):
        await asyncio.wait_for(writing.served.wait(), 10 if begin or writing.left else 0.1)
    task.cancel()
    return writing.served.is_set()


async def test_a_write_ends_the_wait_of_an_idle_worker() -> None:
    assert await served(Writing(0), begin=True)


async def test_the_worker_also_waits_for_a_write_without_a_ticket() -> None:
    assert await served(Writing(1), begin=False)


async def test_an_idle_worker_asks_for_no_acknowledgements() -> None:
    assert not await served(Writing(0), begin=False)
