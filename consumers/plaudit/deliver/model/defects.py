"""Defects of the worker itself: what code of ours has raised while it had a delivery in hand.

A defect never stops a delivery for good: it is retried on its schedule with the reason `defect`,
and in the end it is a dead letter. Each kind is logged with its traceback once in a while, and all
are counted by the stage that they came up in.
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
"""A kind of defect that keeps coming up is logged again after so long."""
MOST_KINDS: Final = 1_000


class Stage(StrEnum):
    """Where on the way of a delivery a defect came up."""

    JUDGE = "judge"  # decode, match, read headers
    RENDER = "render"
    ADMIT = "admit"  # slots, queues, rates, circuits
    ATTEMPT = "attempt"  # write in the endpoint's form, sign, start
    DECIDE = "decide"
    SETTLE = "settle"  # build what is written
    WRITE = "write"  # hand it to the producer, take the acknowledgement
    REPORT = "report"  # count and log
    LOOK = "look"  # what is done a few times a second
    LOOP = "loop"  # a call that the event loop makes
    LOST = "lost"  # nobody had the delivery in hand any more


class Defect(TransportError):
    """A defect of ours in place of an outcome; it says nothing about the endpoint.

    A delivery may have been sent before it: then it is sent again.
    """

    code = "defect"
    says = "a defect in the worker"


class Lost(Exception):
    """Nobody had a delivery in hand any more."""


def defect_of(error: BaseException) -> Defect:
    """Return an error of ours as an outcome: its kind and its place, and nothing of any content."""
    return Defect(" at ".join(_kind_of(error)))


class Defects:
    """Counts defects and logs them; belongs to the event loop's thread, read by any.

    Args:
        monotonic: seconds.

    Attributes:
        counts: defects by stage.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._said: dict[tuple[str, ...], float] = {}
        self.counts: dict[str, int] = dict.fromkeys(map(str, Stage), 0)

    def note(self, stage: Stage, error: BaseException, record: Record | None = None) -> None:
        """Count a defect, and log it unless its kind was logged a moment ago; never raises."""
        self.counts[stage] += 1
        with suppress(Exception):
            self._say(stage, error, record)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count what a loop's callbacks raise from now on, too."""
        loop.set_exception_handler(self._unhandled)

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.note(Stage.LOOP, error)
        else:
            loop.default_exception_handler(context)

    def _say(self, stage: Stage, error: BaseException, record: Record | None) -> None:
        kind, now_s = (str(stage), *_kind_of(error)), self._monotonic()
        if now_s < self._said.get(kind, float("-inf")) + AGAIN_AFTER_S:
            return
        if len(self._said) >= MOST_KINDS:
            self._said.clear()
        self._said[kind] = now_s
        where = {} if record is None else {"record": record.place}
        _log.error("delivery.defect", exc_info=error, extra={"stage": str(stage), **where})


def _kind_of(error: BaseException) -> tuple[str, ...]:
    """Return the type of an error and the line that raised it."""
    at = error.__traceback__
    if at is None:
        return (type(error).__name__,)
    while at.tb_next is not None:
        at = at.tb_next
    file = at.tb_frame.f_code.co_filename.rpartition("/")[2]
    return type(error).__name__, f"{file}:{at.tb_lineno}"
