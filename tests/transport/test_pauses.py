"""A process that gets no CPU for a while does not blame its endpoints for that."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from plaudit.transport.answer import Answer
from plaudit.transport.engine.deadlines import TOLERATED_S, Deadlines, Timers
from plaudit.transport.net.time_limit import TimeLimit
from plaudit.transport.sender import Timeouts
from transport.callbacks import Ended, start
from transport.conftest import MakeEngine
from transport.senders import OK
from waiting import turns_true

LIMIT_S = 0.3
PAUSE_S = 3 * LIMIT_S + TOLERATED_S
ROUNDS = 4
"""Of the loop, as a handshake takes them after its last bytes have come."""
SHORT = Timeouts(LIMIT_S, LIMIT_S, LIMIT_S, LIMIT_S, LIMIT_S, LIMIT_S)


@pytest.fixture
def url() -> Iterator[str]:
    """A server that answers in a thread, whatever the event loop does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65_536)
                connection.sendall(OK)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        thread.join(10)


async def test_an_answer_that_came_during_a_pause_is_read(engine: MakeEngine, url: str) -> None:
    ended = Ended()
    exchange = start(engine(timeouts=SHORT), url, ended)
    await turns_true(lambda: exchange.sent)
    time.sleep(PAUSE_S)  # noqa: ASYNC251 - that is the pause
    [answer] = await ended.all(1)
    assert isinstance(answer, Answer), answer


async def test_a_limit_lets_the_loop_poll_its_sockets_after_a_pause() -> None:
    loop = asyncio.get_running_loop()
    mine, other = socket.socketpair()
    mine.setblocking(False)  # noqa: FBT003 - the socket module's signature
    with mine, other:
        thread = threading.Timer(LIMIT_S / 3, lambda: other.sendall(b"x"))
        async with TimeLimit(LIMIT_S):
            thread.start()
            loop.call_soon(time.sleep, PAUSE_S)
            assert await loop.sock_recv(mine, 1) == b"x"
            for _ in range(ROUNDS):
                await asyncio.sleep(0)
        thread.join()


async def test_a_limit_ends_a_block_that_does_not_end() -> None:
    began_s = time.monotonic()
    with pytest.raises(TimeoutError):
        async with TimeLimit(LIMIT_S):
            await asyncio.Event().wait()
    assert time.monotonic() - began_s >= LIMIT_S


async def test_a_loop_that_is_always_late_still_ends_overdue_exchanges() -> None:
    timers, late = Timers(), asyncio.Event()
    kind = Deadlines[str](timers, 0.3, lambda _: late.set())
    kind.add("exchange", time.monotonic())
    for _ in range(40):
        if late.is_set():
            break
        time.sleep(2 * TOLERATED_S)  # noqa: ASYNC251 - others take the CPU
        await asyncio.sleep(0.01)
    assert late.is_set()
    timers.close()


async def test_pauses_do_not_count() -> None:
    timers = Timers()
    due: list[str] = []
    kind = Deadlines[str](timers, 3_600.0, due.append)
    kind.add("exchange", time.monotonic())
    before_s = timers.running_s(time.monotonic())
    time.sleep(PAUSE_S + 0.5)  # noqa: ASYNC251 - that is the pause
    passed_s = timers.running_s(time.monotonic()) - before_s
    assert passed_s <= 0.5 + TOLERATED_S
    await asyncio.sleep(0.05)
    assert timers.running_s(time.monotonic()) - before_s < PAUSE_S
    timers.close()
