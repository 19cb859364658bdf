"""Defects: exceptions that the worker's code raises while it has a delivery in hand.

A defect never loses a delivery: the worker retries it on its schedule with the reason `defect`, and
in the end it is a dead letter. The worker counts defects by stage, and logs each kind with its
traceback once in ten minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final

from plaudit.deliver.offsets.assignment import Record
from plaudit.logs.logger import event_logger
from plaudit.transport.errors import TransportError

_log = event_logger(__name__)

AGAIN_AFTER_S: Final = 600.0
"""The same kind of defect is logged again after this time."""
MOST_KINDS: Final = 1_000


class Stage(StrEnum):
    """Phase of a delivery in which a defect was raised."""

    JUDGE = "judge"  # decode, match, read headers
    RENDER = "render"
    ADMIT = "admit"  # slots, queues, rates, circuits
    ATTEMPT = "attempt"  # write in the endpoint's form, sign, start
    DECIDE = "decide"
    SETTLE = "settle"  # build what is written
    WRITE = "write"  # hand it to the producer, take the acknowledgement
    REPORT = "report"  # count and log
    LOOK = "look"  # upkeep, a few times a second
    LOOP = "loop"  # a callback of the event loop
    LOST = "lost"  # no queue, request or write had the delivery any more


class Defect(TransportError):
    """A defect of the worker, in place of an outcome; the endpoint did not cause it.

    The delivery may have been sent before the defect: then it is sent again.
    """

    code = "defect"
    says = "a defect in the worker"


class Lost(Exception):
    """A delivery was in no queue, request or write."""


def defect_of(error: BaseException) -> Defect:
    """Return an exception as an outcome: its type and line, without content."""
    return Defect(" at ".join(_kind_of(error)))


class Defects:
    """Counts defects and logs them; belongs to the event loop's thread, any thread may read it.

    Args:
        monotonic: seconds.

    Attributes:
        counts: defects by stage.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._logged: dict[tuple[str, ...], float] = {}
        self.counts: dict[str, int] = dict.fromkeys(map(str, Stage), 0)

    def note(
        self,
        stage: Stage,
        error: BaseException,
        record: Record | None = None,
        endpoint_id: str | None = None,
    ) -> None:
        """Count a defect, and log it unless its kind was logged recently; never raises."""
        self.counts[stage] += 1
        with suppress(Exception):
            self._log_once(stage, error, record, endpoint_id)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count exceptions of an event loop's callbacks, too."""
        loop.set_exception_handler(self._unhandled)

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.note(Stage.LOOP, error)
        else:
            loop.default_exception_handler(context)

    def _log_once(
        self, stage: Stage, error: BaseException, record: Record | None, endpoint_id: str | None
    ) -> None:
        kind, now_s = (str(stage), *_kind_of(error)), self._monotonic()
        if now_s < self._logged.get(kind, float("-inf")) + AGAIN_AFTER_S:
            return
        if len(self._logged) >= MOST_KINDS:
            self._logged.clear()
        self._logged[kind] = now_s
        where = {} if record is None else {"record": record.place}
        if endpoint_id is not None:
            where["endpoint_id"] = endpoint_id
        _log.error("delivery.defect", exc_info=error, extra={"stage": str(stage), **where})


def _kind_of(error: BaseException) -> tuple[str, ...]:
    """Return the type of an exception and the line that raised it."""
    at = error.__traceback__
    if at is None:
        return (type(error).__name__,)
    while at.tb_next is not None:
        at = at.tb_next
    file = at.tb_frame.f_code.co_filename.rpartition("/")[2]
    return type(error).__name__, f"{file}:{at.tb_lineno}"
