"""`plaudit publish`: events from JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from plaudit.cli.output import Exit, note, print_json
from plaudit.events.catalogue import EventType, lookup
from plaudit.publish import Ack, Publisher, PublishRefused

SAY_EVERY: Final = 1_000


@dataclass
class Tally:
    """What became of the lines.

    Attributes:
        published: acknowledged by the brokers.
        invalid: not published.
        failed: not acknowledged, by what the brokers said.
    """

    published: int = 0
    invalid: int = 0
    failed: list[str] = field(default_factory=list)

    def take(self, future: Future[Ack]) -> None:
        """Take in what became of one event."""
        error = future.exception()
        if error is None:
            self.published += 1
        else:
            self.failed.append(str(error))


def command(
    event_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="Such as testimonial.approved.")
    ],
    file: Annotated[str, typer.Argument(help="JSON lines, one event each; - is standard input.")],
    source: Annotated[
        str, typer.Option(help="Which service this is (ce_source).")
    ] = "/plaudit/cli",
    *,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Report lines that are no event, and go on.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Publish events of one type from JSON lines; exit 0 when the brokers have all of them.

    A line that is no such event stops the command: what came before it is published, and the
    counts say how much that is. An event's meta.event_id makes publishing it again harmless.

    Example: plaudit schemas example testimonial.approved | plaudit publish testimonial.approved -
    """
    chosen = lookup(event_type)
    tally = Tally()
    stopped = False
    with _lines(file) as lines, Publisher(source=source) as publisher:
        for number, line in enumerate(lines, 1):
            if line.strip() and not _publish(publisher, chosen, number, line, tally):
                tally.invalid += 1
                if not skip_invalid:
                    stopped = True
                    break
            if number % SAY_EVERY == 0 and sys.stderr.isatty():
                note(f"{number:,} lines read, {tally.published:,} published")
        publisher.flush()
    _conclude(tally, stopped=stopped, as_json=as_json)


def _publish(
    publisher: Publisher, event_type: EventType, number: int, line: str, tally: Tally
) -> bool:
    """Publish one line; say what is wrong with it and return False when it is no event."""
    try:
        event = event_type.model.model_validate_json(line)
        publisher.publish(event).add_done_callback(tally.take)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False)[:5]:
            where = ".".join(str(part) for part in problem["loc"])
            note(f"plaudit: line {number}: {where + ': ' if where else ''}{problem['msg']}")
        return False
    except PublishRefused as error:
        note(f"plaudit: line {number}: {error}")
        return False
    return True


def _conclude(tally: Tally, *, stopped: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {"published": tally.published, "invalid": tally.invalid, "failed": len(tally.failed)}
        )
    else:
        note(f"published {tally.published:,}, invalid {tally.invalid:,}")
    if tally.failed:
        note(f"plaudit: {len(tally.failed):,} not acknowledged; the first: {tally.failed[0]}")
        raise typer.Exit(Exit.FAILED)
    if tally.invalid:
        if stopped:
            note("plaudit: stopped at the first line that is no event (--skip-invalid goes on)")
        raise typer.Exit(Exit.USAGE)


@contextmanager
def _lines(file: str) -> Iterator[Iterable[str]]:
    if file == "-":
        yield sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8") as opened:
            yield opened
    except OSError as error:
        note(f"plaudit: {file}: {error.strerror}")
        raise typer.Exit(Exit.USAGE) from None
