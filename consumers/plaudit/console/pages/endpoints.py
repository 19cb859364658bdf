"""Forms that create and change an endpoint."""

from __future__ import annotations

from typing import Any

from plaudit.api.problems import Refused
from plaudit.api.schemas.endpoint_out import origin_of
from plaudit.console.asking import Answer, Ask, Redirected, Shown
from plaudit.console.pages.labels import label_of, owned
from plaudit.console.views.endpoint_form import EXAMPLE, field_of, spec_of, values_given, values_of
from plaudit.control.recent_events import SelectionPreview, preview
from plaudit.endpoints.filters import FilterRefused, parse_filter
from plaudit.events.catalogue import CATALOGUE
from plaudit.formats.catalogue import FORMATS
from plaudit.kafka.errors import KafkaFailure
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused
from plaudit.store.endpoints.warnings import warnings_for


def show_new(ask: Ask) -> Answer:
    """Show the form of a new endpoint."""
    asked = ask.asked("type")
    chosen = (asked,) if asked is not None and asked in CATALOGUE else ()
    spec = EndpointSpec("", chosen)
    return _form(ask, None, values_of(spec), {})


def create(ask: Ask) -> Answer:
    """Create an endpoint; show its secret only once."""
    try:
        workspace = ask.viewer.caller.writes(ask.given("workspace"))
        wanted = spec_of(ask, None)
        ask.services.api.quotas.check_new(ask.services.api.endpoints, workspace, wanted)
        written = ask.services.api.endpoints.add(workspace, wanted)
    except InputRefused as error:
        return _form(ask, None, values_given(ask), {field_of(error.field): error.reason}, 422)
    except Refused as error:
        if error.field != "workspace_id":
            raise
        return _form(ask, None, values_given(ask), {"workspace": "enter the workspace's id"}, 422)
    values = {"label": label_of(ask, written.endpoint), "endpoint": written.endpoint}
    return Shown("secret.html", {**values, "secret": written.secret, "is_new": True})


def show_edit(ask: Ask) -> Answer:
    """Show the form of an endpoint."""
    endpoint = owned(ask, ask.at["id"])
    ask.viewer.caller.check_writes()
    return _form(ask, endpoint, values_of(ask.services.api.endpoints.spec_of(endpoint)), {})


def change(ask: Ask) -> Answer:
    """Change an endpoint, unless another person changed it meanwhile."""
    endpoint = owned(ask, ask.at["id"])
    known = ask.services.api.endpoints.spec_of(endpoint)
    version = ask.given("version") or ""
    try:
        wanted = spec_of(ask, known)
        ask.services.api.quotas.check_change(ask.services.api.endpoints, endpoint, known, wanted)
        ask.services.api.endpoints.update(
            endpoint.endpoint_id, wanted, int(version) if version.isdigit() else None
        )
    except InputRefused as error:
        return _form(ask, endpoint, values_given(ask), {field_of(error.field): error.reason}, 422)
    return Redirected(ask.url(f"/endpoints/{endpoint.endpoint_id}", done="saved"))


def check(ask: Ask) -> Answer:
    """Show the errors and warnings of a form, without saving it."""
    endpoint_id = ask.given("endpoint")
    known, known_endpoint = None, None
    if endpoint_id is not None:
        known_endpoint = owned(ask, endpoint_id)
        known = ask.services.api.endpoints.spec_of(known_endpoint)
    errors: dict[str, str] = {}
    warnings: list[str] = []
    try:
        # The person has not typed an address yet: its field shows no error.
        wanted = spec_of(ask, known, EXAMPLE)
        warnings = warnings_for(ask.services.api.endpoints.check(wanted))
    except InputRefused as error:
        errors = {field_of(error.field): error.reason}
    workspace = _workspace_of(ask, known_endpoint)
    values = {"errors": errors, "warnings": warnings, "preview": _preview(ask, workspace)}
    return Shown("part_check.html", values)


def _workspace_of(ask: Ask, endpoint: StoredEndpoint | None) -> str | None:
    """Return the workspace of a form; None while it is unknown."""
    if endpoint is not None:
        return endpoint.workspace_id
    try:
        return ask.viewer.caller.writes(ask.given("workspace"))
    except Refused:
        return None


def _preview(ask: Ask, workspace: str | None) -> SelectionPreview | None:
    """Return which of the latest events a form selects; None if that is unknown."""
    if workspace is None:
        return None
    try:
        text = ask.given("filter")
        wants = None if text is None else parse_filter(text)
        events = ask.services.api.recent.look(workspace)
    except (FilterRefused, KafkaFailure):
        return None
    spaces = (ask.given("spaces") or "").split()
    return preview(events, ask.all_given("types"), spaces, wants)


def _form(
    ask: Ask,
    endpoint: StoredEndpoint | None,
    fields: dict[str, Any],
    errors: dict[str, str],
    status: int = 200,
) -> Answer:
    kept: list[str] = []
    if endpoint is not None:
        kept = sorted(ask.services.api.endpoints.private(endpoint).headers)
    values = {
        "endpoint": endpoint,
        "label": None if endpoint is None else label_of(ask, endpoint),
        "fields": fields,
        "errors": errors,
        "kept_headers": kept,
        "types": [(each.name, str(each.schema["doc"])) for each in CATALOGUE.values()],
        "formats": FORMATS,
        "tiers": [delay.label for delay in ask.services.kafka.tiers],
        "workspace": ask.given("workspace") or "",
    }
    return Shown("endpoint_form.html", values, status)


def shown_url(ask: Ask, url: str) -> str:
    """Return a URL; for viewers who may not write, without its path."""
    return url if ask.viewer.may_write else origin_of(url)
