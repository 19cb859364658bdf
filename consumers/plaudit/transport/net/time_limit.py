"""Time limit of connecting, in running time of the event loop.

If the process got no CPU meanwhile, `asyncio.timeout` ends even a connect that has succeeded: its
timer fires before the loop checks the socket. The worker's pause would count as a time-out of the
endpoint.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Final

BEAT_S: Final = 0.5
"""Maximum length of one step: a longer one is a pause of the loop."""
TOLERATED_S: Final = 0.25
SPARED_S: Final = 0.1
"""Time for the loop to check its sockets after a pause, before the limit ends the block."""


class TimeLimit:
    """Like `asyncio.timeout`: raises TimeoutError in the block when its time is over.

    Args:
        limit_s: maximum seconds of the block.
    """

    __slots__ = ("_handle", "_left_s", "_look_at_s", "_loop", "_spared", "_timeout")

    def __init__(self, limit_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._left_s = limit_s
        self._spared = False

    async def __aenter__(self) -> None:
        """Begin."""
        self._wait(min(self._left_s, BEAT_S))
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End, and turn the cancellation of this limit into a TimeoutError."""
        self._handle.cancel()
        await self._timeout.__aexit__(kind, error, traceback)

    def _wait(self, step_s: float) -> None:
        self._left_s -= step_s
        self._look_at_s = time.monotonic() + step_s
        self._handle = self._loop.call_later(step_s, self._look)

    def _look(self) -> None:
        late = time.monotonic() > self._look_at_s + TOLERATED_S
        if self._left_s > 0:
            self._wait(min(self._left_s, BEAT_S))
        elif late and not self._spared:
            self._spared = True
            self._wait(SPARED_S)
        else:
            self._timeout.reschedule(self._loop.time())
