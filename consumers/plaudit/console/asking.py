"""Requests and answers of pages, as values, so that pages know neither HTTP nor templates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from plaudit.api.problems import Refused
from plaudit.console.services import ConsoleServices
from plaudit.console.viewer import Viewer
from plaudit.records.times import wall_ms
from plaudit.store.access.sessions import WebApp

BOTH: Final = frozenset(WebApp)
CONSOLE: Final = frozenset({WebApp.CONSOLE})
LONGEST_VALUE: Final = 4_000

Fields: TypeAlias = Mapping[str, Sequence[str]]
"""Values of a query or a form, by name."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of a page.

    Attributes:
        services: services.
        viewer: the person behind the request.
        at: parameters of the path.
        query: values of the query.
        form: values of the form.
        now_ms: time of the request in epoch milliseconds.
        path: path below the application's base.
    """

    services: ConsoleServices
    viewer: Viewer
    at: Mapping[str, str]
    query: Fields
    form: Fields = field(default_factory=dict)
    now_ms: int = field(default_factory=wall_ms)
    path: str = "/"

    def asked(self, name: str) -> str | None:
        """Return a query parameter without surrounding spaces; None if it is empty."""
        return first(self.query, name)

    def given(self, name: str) -> str | None:
        """Return a field of the form without surrounding spaces; None if it is empty."""
        return first(self.form, name)

    def all_given(self, name: str) -> tuple[str, ...]:
        """Return all non-empty values of a field of the form."""
        return tuple(each.strip() for each in self.form.get(name, ()) if each.strip())

    def url(self, path: str, **query: object) -> str:
        """Return an address of this application."""
        values = {name: value for name, value in query.items() if value not in {None, ""}}
        tail = f"?{urlencode(values)}" if values else ""
        return f"{self.viewer.base}{path}{tail}"


def first(fields: Fields, name: str) -> str | None:
    """Return the first value of a field; None if it is empty.

    Raises:
        Refused: the value is too long, or has a NUL character, which databases do not store.
    """
    text = next(iter(fields.get(name, ())), "").strip()
    if len(text) > LONGEST_VALUE and name != "filter":
        raise Refused(422, f"{name}: at most {LONGEST_VALUE:,} characters", field=name)
    if "\x00" in text:
        raise Refused(422, f"{name}: contains a NUL character", field=name)
    return text or None


@dataclass(frozen=True, slots=True)
class Shown:
    """A page that a template renders.

    Attributes:
        status: status of the response.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Redirected:
    """A redirection to another page, after a change."""

    url: str


@dataclass(frozen=True, slots=True)
class Streamed:
    """A response in several pieces.

    Attributes:
        name: name of the file that the browser saves; None if a script reads the response.
    """

    pieces: Iterator[str] | AsyncIterator[bytes]
    media_type: str
    name: str | None = None


Answer: TypeAlias = "Shown | Redirected | Streamed"
Handler: TypeAlias = Callable[[Ask], "Answer | Awaitable[Answer]"]


@dataclass(frozen=True, slots=True)
class SitePage:
    """A page of the application.

    Attributes:
        path: path below the application's base, with parameters.
        section: section of the page.
        show: answers GET.
        change: answers POST requests of viewers who may make changes.
        web_apps: applications that contain the page.
        operators: whether only viewers of all workspaces may open it.
    """

    path: str
    section: str
    show: Handler | None = None
    change: Handler | None = None
    web_apps: frozenset[WebApp] = BOTH
    operators: bool = False
