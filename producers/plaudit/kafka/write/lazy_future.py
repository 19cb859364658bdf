"""A future that costs next to nothing until somebody waits for it."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from typing import ClassVar, Final, TypeVar

T = TypeVar("T")

_MADE_LATE: Final = frozenset({"_condition", "_waiters", "_done_callbacks"})


class LazyFuture(Future[T]):
    """A `concurrent.futures.Future` that runs already; its condition is made when it is asked for.

    A service publishes thousands of records and waits for few of them one by one. The usual future
    has a condition with its lock, and two lists from the start: a dozen objects for
    each record, which the garbage collector looks through as long as the record is on its way.

    Until there is a condition, one lock of all futures guards the state; from then on the condition
    does, in the ways of the base class.
    """

    _guard: ClassVar = threading.Lock()
    _awaited = False
    _state = "RUNNING"
    _result: T | None = None
    _exception: BaseException | None = None

    def __init__(self) -> None:
        """Begin without what the base class makes at once; `__getattr__` makes it."""

    def __getattr__(self, name: str) -> object:
        """Make what only those who wait need."""
        if name not in _MADE_LATE:
            raise AttributeError(name)
        with LazyFuture._guard:
            if not self._awaited:
                made: Future[T] = Future()
                vars(self).update({each: getattr(made, each) for each in _MADE_LATE})
                self._awaited = True
        return vars(self)[name]

    def set_result(self, result: T) -> None:
        """Give the result.

        Raises:
            InvalidStateError: there is one already.
        """
        with LazyFuture._guard:
            if not self._awaited and self._state == "RUNNING":
                self._result = result
                self._state = "FINISHED"
                return
        super().set_result(result)


def _after_fork() -> None:
    # Another thread may have held it; there it is never given back.
    LazyFuture._guard = threading.Lock()  # noqa: SLF001 - same module


os.register_at_fork(after_in_child=_after_fork)
