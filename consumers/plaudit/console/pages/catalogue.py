"""Event catalogue: every type with an example, its headers and schema, and a sample to send."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from plaudit.api.problems import Refused
from plaudit.console.asking import Answer, Ask, Shown
from plaudit.console.pages import endpoint
from plaudit.console.pages.labels import labels
from plaudit.console.views.event_types import example_headers, grouped
from plaudit.control.testing import sample, written_as
from plaudit.events.catalogue import UnknownEventType, lookup
from plaudit.formats.catalogue import FORMATS, UnknownFormat, shape_of

_INDENTED: Final = orjson.OPT_INDENT_2


def show(ask: Ask) -> Answer:
    """Show all event types."""
    del ask
    return Shown("catalogue.html", {"groups": grouped()})


def show_type(ask: Ask) -> Answer:
    """Show one event type."""
    try:
        found = lookup(ask.at["name"])
        form = ask.asked("format") or "standard"
        shape = shape_of(form)
    except (UnknownEventType, UnknownFormat) as error:
        raise Refused(404, str(error)) from None
    written = written_as(shape, sample(ask.viewer.workspace_id, found.name))
    values = {
        "type": found,
        "description": str(found.schema["doc"]),
        "form": form,
        "formats": FORMATS,
        "body": orjson.dumps(orjson.loads(written.body), option=_INDENTED).decode(),
        "headers": example_headers(shape, written),
        "schema": orjson.dumps(found.schema, option=_INDENTED).decode(),
        "endpoints": list(labels(ask).values()) if ask.viewer.may_write else [],
    }
    return Shown("event_type.html", values)


async def send(ask: Ask) -> Answer:
    """Send an example of the type to an endpoint, and show the answer."""
    chosen = ask.given("endpoint")
    if chosen is None:
        raise Refused(422, "choose an endpoint", field="endpoint")
    form = {**ask.form, "type": [ask.at["name"]]}
    return await endpoint.test(replace(ask, at={"id": chosen}, form=form))
