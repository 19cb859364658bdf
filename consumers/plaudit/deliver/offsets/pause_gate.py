"""A lane is held up while it is not known what is still ours, or nothing can be written down."""

from __future__ import annotations


class PauseGate:
    """Whether a lane is held up; begun in the source's thread, ended in the event loop's.

    Two counters, each written by one thread only: a second hold can't be ended by the end of the
    first that is still on its way to the event loop.

    Attributes:
        stalled: the brokers acknowledge nothing: what were delivered now would be delivered again,
            should they stay away for longer than a session. Belongs to the event loop.
    """

    __slots__ = ("_begun", "_ended", "stalled")

    def __init__(self) -> None:
        self._begun = 0
        self._ended = 0
        self.stalled = False

    @property
    def on(self) -> bool:
        """Whether nothing may be begun."""
        return self.stalled or self._begun != self._ended

    def begin(self) -> None:
        """Hold up."""
        self._begun += 1

    def ticket(self) -> int:
        """Return what ends the holds begun so far."""
        return self._begun

    def end(self, ticket: int) -> None:
        """End the holds that a ticket stands for."""
        self._ended = ticket
