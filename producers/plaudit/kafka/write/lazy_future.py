"""Future that costs almost nothing until a caller waits for it."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from typing import ClassVar, Final, TypeVar

T = TypeVar("T")

_MADE_LATE: Final = frozenset({"_condition", "_waiters", "_done_callbacks"})


class LazyFuture(Future[T]):
    """A running `concurrent.futures.Future` that creates its condition on demand.

    A service publishes thousands of records and waits for few of them individually. The standard
    future creates a condition with its lock and two lists at once: a dozen objects for each
    record, which the garbage collector traverses while the record is in flight.

    Until a condition exists, one lock of all futures guards the state. Afterwards the condition
    does, as in the base class.
    """

    _guard: ClassVar = threading.Lock()
    _awaited = False
    _state = "RUNNING"
    _result: T | None = None
    _exception: BaseException | None = None

    def __init__(self) -> None:
        """Skip the base class's eager attributes; `__getattr__` creates them."""

    def __getattr__(self, name: str) -> object:
        """Create an attribute that only waiting callers need."""
        if name not in _MADE_LATE:
            raise AttributeError(name)
        with LazyFuture._guard:
            if not self._awaited:
                made: Future[T] = Future()
                vars(self).update({each: getattr(made, each) for each in _MADE_LATE})
                self._awaited = True
        return vars(self)[name]

    def set_result(self, result: T) -> None:
        """Set the result.

        Raises:
            InvalidStateError: a result is already set.
        """
        with LazyFuture._guard:
            if not self._awaited and self._state == "RUNNING":
                self._result = result
                self._state = "FINISHED"
                return
        super().set_result(result)


def _after_fork() -> None:
    # Another thread may have held the lock, and does not exist in the child.
    LazyFuture._guard = threading.Lock()  # noqa: SLF001 - same module


os.register_at_fork(after_in_child=_after_fork)
