"""Actions of a dead-letter job: redrive letters, or remove them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol, TextIO

from plaudit.dlq.job.export import line_of
from plaudit.dlq.job.rules import (
    LetterWrite,
    RedriveOptions,
    Skip,
    delivery_skip_reason,
    event_skip_reason,
    redriven_delivery,
    redriven_event,
    target_of,
)
from plaudit.dlq.letters.endpoint_index import EndpointDirectory
from plaudit.dlq.letters.letter import Kind, Letter
from plaudit.dlq.letters.readable import SchemaCheck
from plaudit.kafka.errors import KafkaFailure
from plaudit.logs.logger import event_logger
from plaudit.records.names import Names
from plaudit.records.times import wall_ms

_log = event_logger(__name__)


class Action(Protocol):
    """Decides what happens to a letter. Its records and the tombstone share a transaction."""

    name: str

    def skip(self, letter: Letter) -> Skip | None:
        """Return why a letter stays; called when letters are chosen, and before they move."""
        ...

    def endpoint(self, letter: Letter) -> str:
        """Return the target endpoint of a letter; empty if it has none."""
        ...

    def write(self, letter: Letter) -> LetterWrite | None:
        """Return the records to write with the letter's tombstone."""
        ...

    def before(self, letters: Sequence[Letter]) -> None:
        """Prepare for the removal of these letters."""
        ...


class RedriveDeliveries:
    """Redrives deliveries.

    Args:
        names: names of the topics.
        options: redrive options.
        index: index of the endpoints.
    """

    name = "redrive"

    def __init__(self, names: Names, options: RedriveOptions, index: EndpointDirectory) -> None:
        self._names = names
        self._options = options
        self._directory = index

    def skip(self, letter: Letter) -> Skip | None:
        """Return why the delivery can't be redriven."""
        return delivery_skip_reason(
            letter, self._options, self._directory.find(self.endpoint(letter))
        )

    def endpoint(self, letter: Letter) -> str:
        """Return the target endpoint."""
        return target_of(letter, self._options)

    def write(self, letter: Letter) -> LetterWrite:
        """Return the delivery's new record."""
        known = self._directory.known(self.endpoint(letter))
        return redriven_delivery(self._names, letter, self._options, known, wall_ms())

    def before(self, letters: Sequence[Letter]) -> None:
        """Do nothing: a redriven letter needs no copy."""


class RedriveEvents:
    """Redrives records that could not be read as events, to their topics.

    Args:
        names: names of the topics.
        options: redrive options.
        schemas: check for letters that would fail again at once.
    """

    name = "redrive"

    def __init__(self, names: Names, options: RedriveOptions, schemas: SchemaCheck) -> None:
        self._names = names
        self._options = options
        self._schemas = schemas

    def skip(self, letter: Letter) -> Skip | None:
        """Return why the record can't be redriven."""
        skip_reason = event_skip_reason(self._names, letter, self._options)
        if skip_reason is None and self._schemas.is_unknown(letter):
            return Skip.SCHEMA_UNKNOWN
        return skip_reason

    def endpoint(self, letter: Letter) -> str:
        """Return an empty text: the record goes to a topic, not to an endpoint."""
        del letter
        return ""

    def write(self, letter: Letter) -> LetterWrite:
        """Return the record for its topic."""
        return redriven_event(self._names, letter)

    def before(self, letters: Sequence[Letter]) -> None:
        """Do nothing: a redriven letter needs no copy."""


def skip_reason(action: Action, letter: Letter) -> Skip | None:
    """Return why a letter stays; a letter whose check raises stays, too."""
    try:
        return action.skip(letter)
    except KafkaFailure:
        raise
    except Exception:  # noqa: BLE001 - logged; a bad letter must not block the others
        _log.exception("letter.unusable", extra={"letter": letter.id})
        return Skip.UNUSABLE


class Purge:
    """Removes letters permanently.

    Args:
        kind: kind of the letters.
        file: receives each letter before its removal; None for no copy.
    """

    name = "purge"

    def __init__(self, kind: Kind, file: TextIO | None) -> None:
        self._kind = kind
        self._file = file

    def skip(self, letter: Letter) -> Skip | None:
        """Return None: every letter may be removed."""
        del letter
        return None

    def endpoint(self, letter: Letter) -> str:
        """Return an empty text: the letter has no target."""
        del letter
        return ""

    def write(self, letter: Letter) -> None:
        """Return None: a purge writes only the tombstone."""
        del letter

    def before(self, letters: Sequence[Letter]) -> None:
        """Write the letters to the file, and sync it to disk."""
        if self._file is None:
            return
        self._file.writelines(line_of(letter, self._kind) + "\n" for letter in letters)
        self._file.flush()
        os.fsync(self._file.fileno())
