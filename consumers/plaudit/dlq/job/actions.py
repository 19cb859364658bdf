"""What a job does with the letters that it takes away: send them again, or let them go."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from typing import Protocol, TextIO

from plaudit.dlq.job.export import line_of
from plaudit.dlq.job.rules import (
    RedriveOptions,
    Skip,
    Write,
    delivery_again,
    delivery_stays,
    event_again,
    event_stays,
    target_of,
)
from plaudit.dlq.letters.endpoint_index import Directory
from plaudit.dlq.letters.letter import Kind, Letter
from plaudit.dlq.letters.readable import SchemaCheck
from plaudit.kafka.errors import KafkaFailure
from plaudit.records.names import Names

_log = logging.getLogger(__name__)


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


class RedriveDeliveries:
    """Sends deliveries again.

    Args:
        names: of the topics.
        again: how.
        directory: the endpoints.
    """

    name = "redrive"

    def __init__(self, names: Names, again: RedriveOptions, directory: Directory) -> None:
        self._names = names
        self._again = again
        self._directory = directory

    def skip(self, letter: Letter) -> Skip | None:
        """Return why it can't be sent again."""
        return delivery_stays(letter, self._again, self._directory.find(self.endpoint(letter)))

    def endpoint(self, letter: Letter) -> str:
        """Return where it goes."""
        return target_of(letter, self._again)

    def write(self, letter: Letter) -> Write:
        """Return the record by which it is on its way again."""
        known = self._directory.known(self.endpoint(letter))
        return delivery_again(self._names, letter, self._again, known, int(time.time() * 1_000))

    def before(self, letters: Sequence[Letter]) -> None:
        """Nothing has to be kept: it goes on."""


class RedriveEvents:
    """Sends records that were no events to their topics again.

    Args:
        names: of the topics.
        again: how.
        schemas: tells which would come back at once.
    """

    name = "redrive"

    def __init__(self, names: Names, again: RedriveOptions, schemas: SchemaCheck) -> None:
        self._names = names
        self._again = again
        self._schemas = schemas

    def skip(self, letter: Letter) -> Skip | None:
        """Return why it can't be sent again."""
        stays = event_stays(self._names, letter, self._again)
        if stays is None and self._schemas.is_unknown(letter):
            return Skip.SCHEMA_UNKNOWN
        return stays

    def endpoint(self, letter: Letter) -> str:
        """It goes to a topic, not to an endpoint."""
        del letter
        return ""

    def write(self, letter: Letter) -> Write:
        """Return the record for its topic."""
        return event_again(self._names, letter)

    def before(self, letters: Sequence[Letter]) -> None:
        """Nothing has to be kept: it goes on."""


def stays(action: Action, letter: Letter) -> Skip | None:
    """Return why a letter stays; one that can't be judged stays, and the others go."""
    try:
        return action.skip(letter)
    except KafkaFailure:
        raise
    except Exception:  # noqa: BLE001 - logged; one bad letter never holds the others
        _log.exception("letter.unusable", extra={"letter": letter.id})
        return Skip.UNUSABLE


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
