"""`plaudit publish`: publishes events from JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from plaudit.cli.ui.brokers import note_refusals
from plaudit.cli.ui.durations import duration_option
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.events.catalogue import EventType, lookup
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import DELIVERY_TIMEOUT_S, Ack, KafkaFailure, Publisher, PublishRefused
from plaudit.records.validation import explained, place_of

SAY_EVERY: Final = 1_000


@dataclass
class PublishTally:
    """Results of the lines.

    Attributes:
        published: events acknowledged by the brokers.
        invalid: lines that were not published.
        failed: events that were not acknowledged, by error.
    """

    published: int = 0
    invalid: int = 0
    failed: list[str] = field(default_factory=list)

    def take(self, future: Future[Ack]) -> None:
        """Count the result of one event."""
        error = future.exception()
        if error is None:
            self.published += 1
        else:
            self.failed.append(str(error))


def command(
    event_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="Event type, such as testimonial.approved.")
    ],
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="JSON lines, one event each; - is standard input."),
    ] = "-",
    source: Annotated[
        str, typer.Option(metavar="URI", help="Source of the events (ce_source).")
    ] = "/plaudit/cli",
    *,
    skip_invalid: Annotated[
        bool,
        typer.Option(
            "--skip-invalid", help="Report lines that are not valid events, and continue."
        ),
    ] = False,
    timeout: Annotated[
        float,
        duration_option(
            "Time after which an event fails.", default_s=DELIVERY_TIMEOUT_S, least_s=0.1
        ),
    ] = DELIVERY_TIMEOUT_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Publish events of one type from JSON lines; exit 0 if the brokers have all of them.

    A line that is not a valid event stops the command: earlier lines are published, and the counts
    say how many. An event's meta.event_id makes publishing it again idempotent.

    Example: plaudit schemas example testimonial.approved | plaudit publish testimonial.approved -
    """
    chosen = lookup(event_type)
    note_refusals(KafkaSettings())
    tally = PublishTally()
    with _opened(file) as lines:
        publisher = Publisher(source=source, delivery_timeout_s=timeout)
        try:
            stopped = not _publish_all(publisher, chosen, lines, tally, skip_invalid=skip_invalid)
        finally:
            publisher.close()  # from here on, every event is counted
    _conclude(tally, stopped=stopped, as_json=as_json)


def _publish_all(
    publisher: Publisher,
    event_type: EventType,
    lines: Iterable[bytes],
    tally: PublishTally,
    *,
    skip_invalid: bool,
) -> bool:
    """Publish line by line; return False if an invalid line stopped it."""
    for number, line in enumerate(lines, 1):
        try:
            if line.strip() and not _publish(publisher, event_type, number, line, tally):
                tally.invalid += 1
                if not skip_invalid:
                    return False
        except KafkaFailure as failure:
            tally.failed.append(str(failure))
            return False
        if number % SAY_EVERY == 0 and sys.stderr.isatty():
            note(f"{number:,} lines read, {tally.published:,} published")
    return True


def _publish(
    publisher: Publisher, event_type: EventType, number: int, line: bytes, tally: PublishTally
) -> bool:
    """Publish one line; print its error and return False if it is not a valid event."""
    try:
        event = event_type.model.model_validate_json(line)
        publisher.publish(event).add_done_callback(tally.take)
    except ValidationError as error:
        for problem in error.errors(include_url=False)[:5]:
            where = place_of(problem["loc"])
            said = _explained(problem)
            note(f"plaudit: line {number}: {where + ': ' if where else ''}{said}")
        return False
    except PublishRefused as error:
        note(f"plaudit: line {number}: {error}")
        return False
    return True


def _explained(problem: Mapping[str, object]) -> str:
    """Return an error of a line in plain words."""
    said = explained(problem, quotes_text=False)
    if problem["type"] == "json_invalid" and "EOF while parsing" in said:
        return "the event does not end on this line; `jq -c .` writes each event on one line"
    return said


def _conclude(tally: PublishTally, *, stopped: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {"published": tally.published, "invalid": tally.invalid, "failed": len(tally.failed)}
        )
    else:
        note(f"published {tally.published:,}, invalid {tally.invalid:,}")
    if stopped:
        going_on = " (--skip-invalid continues)" if tally.invalid else ""
        note(f"plaudit: stopped before the end of the input{going_on}")
    if tally.failed:
        note(f"plaudit: {len(tally.failed):,} not acknowledged; the first: {tally.failed[0]}")
        raise typer.Exit(Exit.FAILED)
    if tally.invalid:
        raise typer.Exit(Exit.USAGE)


def _opened(file: str) -> AbstractContextManager[Iterable[bytes]]:
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except OSError as error:
        fail(f"{file}: {error.strerror}", Exit.USAGE)
