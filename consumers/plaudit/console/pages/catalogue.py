"""Event catalogue: types with examples, headers and schemas, and test sends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import orjson

from plaudit.api.problems import Refused
from plaudit.console.asking import Answer, Ask, Shown
from plaudit.console.pages import endpoint
from plaudit.console.pages.labels import choices
from plaudit.console.views.event_types import example_headers, grouped
from plaudit.control.testing import sample, written_as
from plaudit.events.catalogue import UnknownEventType, lookup
from plaudit.formats.catalogue import FORMATS, UnknownFormat, shape_of

_INDENTED: Final = orjson.OPT_INDENT_2


def show(ask: Ask) -> Answer:
    """Show all event types."""
    return Shown("catalogue.html", {"groups": grouped(), "url": ask.url("/events")})


def show_type(ask: Ask) -> Answer:
    """Show one event type."""
    values = {
        **described(ask.at["name"], ask.asked("format") or "standard", ask.viewer.workspace_id),
        "url": ask.url("/events"),
        "endpoints": choices(ask) if ask.viewer.may_write else [],
    }
    return Shown("event_type.html", values)


def described(name: str, form: str, workspace_id: str | None) -> dict[str, Any]:
    """Return the values for the page of an event type.

    Args:
        name: name of the type.
        form: format of the example.
        workspace_id: workspace in the example; None: an invented one.

    Raises:
        Refused: the type or the format is unknown.
    """
    try:
        found = lookup(name)
        shape = shape_of(form)
    except (UnknownEventType, UnknownFormat) as error:
        raise Refused(404, str(error)) from None
    written = written_as(shape, sample(workspace_id, found.name))
    return {
        "type": found,
        "description": str(found.schema["doc"]),
        "form": form,
        "formats": FORMATS,
        "body": orjson.dumps(orjson.loads(written.body), option=_INDENTED).decode(),
        "headers": example_headers(shape, written),
        "schema": orjson.dumps(found.schema, option=_INDENTED).decode(),
    }


async def send(ask: Ask) -> Answer:
    """Send an example of the type to an endpoint, and show the response."""
    chosen = ask.given("endpoint")
    if chosen is None:
        raise Refused(422, "choose an endpoint", field="endpoint")
    form = {**ask.form, "type": [ask.at["name"]]}
    return await endpoint.test(replace(ask, at={"id": chosen}, form=form))
