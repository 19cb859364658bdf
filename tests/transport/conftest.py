"""Senders that are closed with the test and must have left nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trustme
import uvloop

from plaudit.transport.engine.engine import Engine
from plaudit.transport.sender import Sender
from transport.senders import SENDERS, How, Leaks

Make = Callable[..., Sender]
MakeEngine = Callable[..., Engine]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each test on both event loops."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that some clients trust."""
    return trustme.CA()


@pytest.fixture(params=SENDERS)
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Make senders of each kind, from the fields of `How`."""
    leaks, made = Leaks(), []

    def build(**how: Any) -> Sender:
        made.append(How(**how).sender(request.param))
        return made[-1]

    yield build
    for sender in made:
        await sender.aclose()
    await leaks.none_left()


@pytest.fixture
async def engine() -> AsyncIterator[MakeEngine]:
    """Make engines, from the fields of `How`."""
    leaks, made = Leaks(), []

    def build(**how: Any) -> Engine:
        made.append(How(**how).engine())
        return made[-1]

    yield build
    for sender in made:
        await sender.aclose()
        assert sender.connections == 0
    await leaks.none_left()
