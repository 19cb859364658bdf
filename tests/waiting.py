"""Waits for what happens outside of a test."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

PROMPTLY_S: Final = 60.0
"""Seconds for anything that takes a moment on a quiet machine."""
LOOK_EVERY_S: Final = 0.05


def until(
    ask: Callable[[], T],
    what: str = "the answer is true",
    within_s: float = PROMPTLY_S,
    *,
    every_s: float = LOOK_EVERY_S,
) -> T:
    """Ask until the answer is true.

    Args:
        ask: looks at the state that the test waits for.
        what: the state in words, for the failure.
        within_s: seconds until the test fails.
        every_s: pause between two questions; 0 where the question itself waits.

    Returns:
        The answer.

    Raises:
        AssertionError: the answer is still false at the deadline; names the last one.
    """
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}; found {answer!r}"
        time.sleep(every_s)
    return answer


def until_equal(
    ask: Callable[[], T],
    wanted: T,
    within_s: float = PROMPTLY_S,
    *,
    every_s: float = LOOK_EVERY_S,
) -> None:
    """Ask until the answer is the one that is wanted; the failure names the last answer."""
    deadline = time.monotonic() + within_s
    while (answer := ask()) != wanted:
        assert time.monotonic() < deadline, f"after {within_s:g} s {answer!r}, not {wanted!r}"
        time.sleep(every_s)


async def turns_true(ask: Callable[[], object], within_s: float = PROMPTLY_S) -> None:
    """Let the event loop run until the answer is true."""
    deadline = time.monotonic() + within_s
    while not ask():
        assert time.monotonic() < deadline, f"not true within {within_s:g} s"
        await asyncio.sleep(0.005)


def listens(port: int) -> bool:
    """Return whether a process accepts connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
