"""A lane is held up while it is not known what is still ours, or nothing can be written down."""

from __future__ import annotations


class PauseGate:
    """Whether a lane is held up; begun in the source's thread, ended in the event loop's.

    Two counters for each source, each written by one thread only: a second hold can't be ended by
    the end of the first that is still on its way to the event loop, nor by that of another source.

    Attributes:
        stalled: the brokers acknowledge nothing: what were delivered now would be delivered again,
            should they stay away for longer than a session. Belongs to the event loop.
    """

    __slots__ = ("_begun", "_ended", "stalled")

    def __init__(self) -> None:
        self._begun: list[int] = []
        self._ended: list[int] = []
        self.stalled = False

    @property
    def on(self) -> bool:
        """Whether nothing may be begun."""
        return self.stalled or self._begun != self._ended

    def add_source(self) -> int:
        """Return the number of one more source; before its thread starts."""
        self._begun.append(0)
        self._ended.append(0)
        return len(self._begun) - 1

    def begin(self, source: int) -> None:
        """Hold up."""
        self._begun[source] += 1

    def ticket(self, source: int) -> int:
        """Return what ends the holds that a source has begun so far."""
        return self._begun[source]

    def end(self, source: int, ticket: int) -> None:
        """End the holds that a ticket stands for."""
        self._ended[source] = ticket
