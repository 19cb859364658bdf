"""A future without a condition behaves as the usual one does, in either order."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import (
    ALL_COMPLETED,
    Future,
    InvalidStateError,
    as_completed,
    wait,
)

import pytest

from plaudit.kafka.write.lazy_future import LazyFuture

MAKERS: list[Callable[[], Future[int]]] = [Future, LazyFuture]


def running(make: Callable[[], Future[int]]) -> Future[int]:
    future = make()
    if not isinstance(future, LazyFuture):
        future.set_running_or_notify_cancel()
    return future


@pytest.fixture(params=MAKERS, ids=["usual", "lazy"])
def future(request: pytest.FixtureRequest) -> Future[int]:
    """A future that runs: the usual one, and ours."""
    return running(request.param)


def test_the_result_is_available_before_and_after_a_wait(future: Future[int]) -> None:
    assert not future.done()
    assert future.running()
    future.set_result(7)
    assert future.done()
    assert (future.result(0), future.exception(0)) == (7, None)


def test_an_error_is_raised_in_the_waiting_caller(future: Future[int]) -> None:
    future.set_exception(LookupError("no"))
    with pytest.raises(LookupError, match="no"):
        future.result(0)
    assert isinstance(future.exception(0), LookupError)


def test_the_first_waiter_is_woken(future: Future[int]) -> None:
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(future.result(30)))
    waiting.start()
    future.set_result(7)
    waiting.join(30)
    assert found == [7]


def test_without_a_result_in_time_waiting_ends(future: Future[int]) -> None:
    with pytest.raises(TimeoutError):
        future.result(0)
    future.set_result(7)
    assert future.result(0) == 7


def test_a_future_has_one_result(future: Future[int]) -> None:
    future.set_result(7)
    for again in (future.set_result, lambda _: future.set_exception(LookupError())):
        with pytest.raises(InvalidStateError):
            again(8)
    assert future.result(0) == 7


def test_a_running_future_is_not_cancelled(future: Future[int]) -> None:
    assert not future.cancel()
    assert not future.cancelled()


def test_each_callback_is_called_once_before_and_after(future: Future[int]) -> None:
    called: list[str] = []
    future.add_done_callback(lambda _: called.append("before"))
    future.set_result(7)
    assert called == ["before"]
    future.add_done_callback(lambda _: called.append("after"))
    assert called == ["before", "after"]


def test_many_futures_are_awaited_together() -> None:
    futures = [running(make) for make in MAKERS * 3]
    futures[0].set_result(0)
    futures[1].set_result(1)

    def resolve() -> None:
        for at, each in enumerate(futures[2:], 2):
            each.set_result(at)

    resolving = threading.Thread(target=resolve)
    resolving.start()
    assert {each.result() for each in as_completed(futures, 30)} == set(range(6))
    assert not wait(futures, 30, ALL_COMPLETED).not_done
    resolving.join()


async def test_asyncio_awaits_it() -> None:
    future = LazyFuture[int]()
    wrapped = asyncio.wrap_future(future)
    threading.Thread(target=future.set_result, args=(7,)).start()
    assert await asyncio.wait_for(wrapped, 30) == 7


def test_no_caller_waits_forever_however_the_two_sides_meet() -> None:
    """Waiting begins just when the result is given, many times over."""
    pairs = [(LazyFuture[int](), threading.Barrier(2)) for _ in range(2_000)]

    def give() -> None:
        for future, both in pairs:
            both.wait(30)
            future.set_result(7)

    giving = threading.Thread(target=give)
    giving.start()
    for future, both in pairs:
        both.wait(30)
        assert future.result(30) == 7
    giving.join()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_can_use_new_futures() -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with LazyFuture._guard:  # noqa: SLF001 - what another thread does at the wrong moment
            held.set()
            release.wait(30)

    holding = threading.Thread(target=hold)
    holding.start()
    held.wait(30)
    child = os.fork()
    if child == 0:
        future = LazyFuture[int]()
        future.set_result(7)
        os._exit(future.result(0))
    release.set()
    holding.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
