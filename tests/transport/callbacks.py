"""Exchanges by callback, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
from typing import Any

from plaudit.transport import errors
from plaudit.transport.addresses import check_url
from plaudit.transport.answer import Answer
from plaudit.transport.engine.engine import Engine
from plaudit.transport.request_head import request_prefix
from plaudit.transport.sender import ExchangeHandle
from transport.senders import (
    BODY,
)


class Ended:
    """Takes the ends of exchanges, in their order."""

    def __init__(self) -> None:
        self.results: list[Answer | errors.TransportError] = []
        self._more = asyncio.Event()

    def __call__(self, result: Answer | errors.TransportError) -> None:
        self.results.append(result)
        self._more.set()

    async def all(self, count: int) -> list[Answer | errors.TransportError]:
        """Wait for this many."""
        while len(self.results) < count:
            self._more.clear()
            await self._more.wait()
        return self.results


def start(
    engine: Engine,
    url: str,
    ended: Any,
    lines: bytes = b"",
    body: bytes = BODY,
    owner: str = "",
) -> ExchangeHandle:
    target = check_url(url)
    return engine.start(target, request_prefix(target), lines, body, ended, owner)
