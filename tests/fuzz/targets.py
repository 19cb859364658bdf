"""Fuzz targets: functions that read foreign bytes, and raise if they find a defect.

`python -m fuzz.run` lets atheris search for bytes that reach new code in them. What it found is
kept in `seeds`, and replayed by an ordinary test.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from pydantic import BaseModel, ValidationError

from deliver.whole import EXAMPLE, KEYS
from deliver.world import assignment
from plaudit.api.event_parser import BATCH, JSON, STRUCTURED, read_events
from plaudit.api.problems import Refused
from plaudit.api.schemas.endpoints import EndpointBody, EndpointChange, KeyBody, RetryBody
from plaudit.api.schemas.job_bodies import JobBody
from plaudit.bulk.nesting import TooDeep, check_depth
from plaudit.deliver.isolation.answers import hold_s
from plaudit.deliver.model.decision import RetryPlan, decide
from plaudit.deliver.model.delivery import HeadersUnusable, History, read_headers
from plaudit.deliver.model.quota import quota
from plaudit.deliver.offsets.assignment import Record
from plaudit.dlq.job.export import LineRefused, read_line
from plaudit.endpoints.filters import FilterRefused, parse_filter
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import EventDecoder, SchemaUnknown, Undecodable
from plaudit.events.rendering import render
from plaudit.formats import slack
from plaudit.formats.catalogue import SHAPES
from plaudit.importer.errors import ImportRefused
from plaudit.importer.files import open_file
from plaudit.importer.mapping import map_columns
from plaudit.importer.names import TargetField
from plaudit.importer.reviews import BadRow, ReviewMaker
from plaudit.importer.rows import Row
from plaudit.records.delays import parse_delays
from plaudit.records.names import Names, Trigger
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused, Rules, validated
from plaudit.transport.addresses import AddressPolicy
from plaudit.transport.answer import NO_TIMINGS, Answer
from transport.test_assembly import Result, read, split

Target = Callable[[bytes], None]

NOW_MS: Final = 1_764_000_000_000
TIERS: Final = parse_delays("5s,5m")
PLAN: Final = RetryPlan(TIERS, TIERS)
PAIR: Final = b"\x1f"
"""Between a header's name and its value."""
PART: Final = b"\x1e"
"""Between a record's value and its headers."""
SUFFIXES: Final = (".csv", ".jsonl", ".json")
MEDIA_TYPES: Final = (JSON, STRUCTURED, BATCH)
BODIES: Final[tuple[type[BaseModel], ...]] = (
    EndpointBody,
    EndpointChange,
    KeyBody,
    RetryBody,
    JobBody,
)
SPEC: Final = EndpointSpec("https://hooks.example.com/")
RULES: Final = Rules(AddressPolicy(()), TIERS)
DECODER: Final = EventDecoder()
DATA: Final = DECODER.decode(EXAMPLE).data
IMPORTED: Final = TargetField(UUID(int=1), UUID(int=2))


def answers(data: bytes) -> None:
    """Read a response in one piece and in several; the first bytes choose the splits."""
    places, sent = data[:4], data[4:]
    whole = read([sent])
    assert read(split(sent, [place * 7 for place in places])) == whole
    _decide(whole)


def _decide(found: Result) -> None:
    if not isinstance(found, tuple):
        return
    status, headers, snippet, truncated = cast("tuple[int, list[Any], bytes, bool]", found)
    answer = Answer(
        status, tuple(headers), snippet, truncated=truncated, timings=NO_TIMINGS, bytes_sent=1
    )
    history = History(Trigger.EVENT, 0, 0, 0, NOW_MS)
    for judge in (None, slack.judge):
        decide(answer, history, PLAN, PLAN.schedule, NOW_MS, judge)
    assert hold_s(answer, NOW_MS) >= 0
    quota(answer, NOW_MS)


def records(data: bytes) -> None:
    """Read a record: its value, and after it pairs of a header's name and value."""
    value, *pairs = data.split(PART)
    parted = (pair.partition(PAIR) for pair in pairs)
    headers = [(name.decode("utf-8", "replace"), text) for name, _, text in parted]
    with suppress(HeadersUnusable):
        read_headers(headers, Record(assignment(), 0, NOW_MS, value))
    try:
        event = DECODER.decode(value, lambda: headers)
    except (Undecodable, SchemaUnknown):
        return
    for each in SHAPES.values():
        each.render(event, "/source")
    assert render(event)


def bodies(data: bytes) -> None:
    """Read the body of a request; the first byte chooses the route."""
    which, body = data[:1] or b"\0", data[1:]
    place = which[0] % (len(MEDIA_TYPES) + 1 + len(BODIES))
    if place <= len(MEDIA_TYPES):
        binary = place == len(MEDIA_TYPES)
        headers = {"ce-type": "testimonial.approved", "ce-id": "x"} if binary else {}
        with suppress(Refused):
            list(read_events(JSON if binary else MEDIA_TYPES[place], headers, body))
        return
    with suppress(TooDeep, ValidationError, InputRefused):
        check_depth(body)
        match BODIES[place - len(MEDIA_TYPES) - 1].model_validate_json(body):
            case EndpointBody() as found:
                validated(found.wanted(), RULES)
            case EndpointChange() as found:
                validated(found.applied(SPEC), RULES)
            case _:
                pass


def imports(data: bytes) -> None:
    """Read a file of reviews; the first byte chooses the format."""
    which, content = data[:1] or b"\0", data[1:]
    path = _folder() / f"reviews{SUFFIXES[which[0] % len(SUFFIXES)]}"
    path.write_bytes(content)
    try:
        file = open_file(path)
        map_columns(file.columns, {}, {"platform": "web"})
        make = _maker()
        for each in file.rows():
            if isinstance(each, Row):
                with suppress(BadRow):
                    make(each.values)
    except ImportRefused as refused:
        if "\n" in str(refused):
            raise


@cache
def _maker() -> ReviewMaker:
    """Return a maker for rows of any columns; cached, because creating one takes 50 ms."""
    mapped = map_columns(None, {}, {"platform": "web"})
    return ReviewMaker(IMPORTED, mapped, UUID(int=3), Names("t."))


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="plaudit-fuzz-"))


def letters(data: bytes) -> None:
    """Read a line of a file of dead letters."""
    with suppress(LineRefused):
        kept = read_line(data)
        kept.belongs_to(Names("t."))
        "".join(name for name, _ in kept.headers).encode()


def filters(data: bytes) -> None:
    """Read a filter, and apply it to an event."""
    with suppress(FilterRefused):
        parse_filter(data.decode("utf-8", "replace"))(DATA)


def endpoints(data: bytes) -> None:
    """Read a record of an endpoint, then a valid one of the same endpoint."""
    table = EndpointTable(KEYS)
    endpoint_id = str(UUID(int=1))
    table.apply(endpoint_id.encode(), data)
    table.apply(data[:36], data)
    assert len(table) <= 2


TARGETS: Final[dict[str, Target]] = {
    each.__name__: each for each in (answers, records, bodies, imports, letters, filters, endpoints)
}
