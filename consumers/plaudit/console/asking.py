"""Request of a page and its answers, as values: pages know neither HTTP nor templates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from plaudit.api.problems import Refused
from plaudit.console.parts import ConsoleParts
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
        parts: services.
        viewer: the person who asks.
        at: parameters of the path.
        query: values of the query.
        form: values of the form.
        now_ms: time of the request in epoch milliseconds.
        path: path below the application's base.
    """

    parts: ConsoleParts
    viewer: Viewer
    at: Mapping[str, str]
    query: Fields
    form: Fields = field(default_factory=dict)
    now_ms: int = field(default_factory=wall_ms)
    path: str = "/"

    def asked(self, name: str) -> str | None:
        """Return a value of the query without surrounding spaces; None if it is empty."""
        return first(self.query, name)

    def given(self, name: str) -> str | None:
        """Return a value of the form without surrounding spaces; None if it is empty."""
        return first(self.form, name)

    def all_given(self, name: str) -> tuple[str, ...]:
        """Return every value of a form's field that is not empty."""
        return tuple(each.strip() for each in self.form.get(name, ()) if each.strip())

    def url(self, path: str, **query: object) -> str:
        """Return an address of this application."""
        values = {name: value for name, value in query.items() if value not in {None, ""}}
        tail = f"?{urlencode(values)}" if values else ""
        return f"{self.viewer.base}{path}{tail}"


def first(fields: Fields, name: str) -> str | None:
    """Return the first value of a name; None if it is empty.

    Raises:
        Refused: it is too long, or has a character that no database stores.
    """
    text = next(iter(fields.get(name, ())), "").strip()
    if len(text) > LONGEST_VALUE and name != "filter":
        raise Refused(422, f"{name}: at most {LONGEST_VALUE:,} characters", field=name)
    if "\x00" in text:
        raise Refused(422, f"{name}: a zero character", field=name)
    return text or None


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, from a template.

    Attributes:
        status: status of the response.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Redirected:
    """Another page, after a change."""

    url: str


@dataclass(frozen=True, slots=True)
class Streamed:
    """A response that is written piece by piece.

    Attributes:
        name: name of the file, which the browser saves; None: for a script of the page.
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
        section: section that it belongs to.
        show: answers GET.
        change: answers POST, for viewers who may change something.
        web_apps: applications that have it.
        operators: whether only those see it who see every workspace.
    """

    path: str
    section: str
    show: Handler | None = None
    change: Handler | None = None
    web_apps: frozenset[WebApp] = BOTH
    operators: bool = False
