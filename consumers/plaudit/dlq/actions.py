"""What a job does with the letters that it takes away: send them again, or let them go."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Protocol, TextIO

from plaudit.dlq.directory import Directory
from plaudit.dlq.files import line_of
from plaudit.dlq.letters import Kind, Letter
from plaudit.dlq.moves import (
    Again,
    Skip,
    Write,
    reason_to_skip,
    sent_again,
    target_of,
)
from plaudit.records.names import Names


class Action(Protocol):
    """Decides over letters; what it writes is committed together with their tombstones."""

    name: str

    def skip(self, letter: Letter) -> Skip | None:
        """Return why a letter stays; asked when letters are chosen, and again when they go."""
        ...

    def endpoint(self, letter: Letter) -> str:
        """Return the endpoint that a letter goes to; empty when to none."""
        ...

    def write(self, letter: Letter) -> Write | None:
        """Return what is written beside the letter's tombstone."""
        ...

    def before(self, letters: Sequence[Letter]) -> None:
        """Hear of letters that are about to go."""
        ...


class Redrive:
    """Sends letters again.

    Args:
        names: of the topics.
        kind: of the letters.
        again: how.
        directory: the endpoints; None for events.
    """

    name = "redrive"

    def __init__(self, names: Names, kind: Kind, again: Again, directory: Directory | None) -> None:
        self._names = names
        self._kind = kind
        self._again = again
        self._directory = directory

    def skip(self, letter: Letter) -> Skip | None:
        """Return why it can't be sent again."""
        directory = self._directory
        known = None if directory is None else directory.find(self.endpoint(letter))
        return reason_to_skip(letter, self._kind, self._again, known)

    def endpoint(self, letter: Letter) -> str:
        """Return where it goes."""
        return "" if self._kind is Kind.EVENTS else target_of(letter, self._again)

    def write(self, letter: Letter) -> Write:
        """Return the record by which it is on its way again."""
        now_ms = int(time.time() * 1_000)
        return sent_again(self._names, letter, self._kind, self._again, now_ms)

    def before(self, letters: Sequence[Letter]) -> None:
        """Nothing has to be kept: it goes on."""


class Purge:
    """Lets letters go for good.

    Args:
        kind: of the letters.
        file: gets each one before it is removed; None: nothing is kept.
    """

    name = "purge"

    def __init__(self, kind: Kind, file: TextIO | None) -> None:
        self._kind = kind
        self._file = file

    def skip(self, letter: Letter) -> Skip | None:
        """Nothing speaks against it."""
        del letter
        return None

    def endpoint(self, letter: Letter) -> str:
        """It goes nowhere."""
        del letter
        return ""

    def write(self, letter: Letter) -> None:
        """Write nothing but the tombstone."""
        del letter

    def before(self, letters: Sequence[Letter]) -> None:
        """Keep them in the file, safe on the disk, before they are removed."""
        if self._file is None:
            return
        self._file.writelines(line_of(letter, self._kind) + "\n" for letter in letters)
        self._file.flush()
        os.fsync(self._file.fileno())
