"""Rendering of templates, which escape all values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from plaudit.console.assets import asset_url
from plaudit.console.viewer import Viewer
from plaudit.console.views import words
from plaudit.console.views.advice import for_subscribers
from plaudit.console.views.words import At, Sentence
from plaudit.records.times import time_text, wall_ms

_SHORT = 8


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=PackageLoader("plaudit.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        {
            "at": at,
            "exact": exact,
            "ago": lambda epoch_ms: words.ago(epoch_ms, wall_ms()),
            "duration": words.duration,
            "percent": words.percent,
            "number": lambda value: words.NOTHING if value is None else f"{value:,}",
            "sentence": sentence,
            "short": lambda text: str(text)[:_SHORT],
        }
    )
    made.filters |= {"commands": commands, "advice": advice}
    made.globals.update({"asset": asset_url, "plural": words.plural, "pairs": _pairs})
    return made


def compile_templates() -> None:
    """Compile every template, so that the first request of a page need not wait for it."""
    made = environment()
    for name in made.list_templates():
        made.get_template(name)


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a page."""
    return environment().get_template(template).render(values)


def at(epoch_ms: int | None) -> Markup | str:
    """Return a relative time, with the exact time as its title."""
    if epoch_ms is None:
        return words.NOTHING
    shown = words.ago(epoch_ms, wall_ms())
    return _time(epoch_ms, shown, "relative")


def exact(epoch_ms: int | None) -> Markup | str:
    """Return an exact time, which the browser shows in the reader's time zone."""
    return words.NOTHING if epoch_ms is None else _time(epoch_ms, _utc(epoch_ms), "exact")


def sentence(services: Sentence) -> Markup:
    """Return a sentence with its times."""
    return Markup().join(
        (at(part.ms) if part.relative else exact(part.ms)) if isinstance(part, At) else escape(part)
        for part in services
    )


def advice(remedy: str, viewer: Viewer) -> Markup:
    """Return a remedy for the reader: an operator, or a person of the workspace."""
    return commands(for_subscribers(remedy) if viewer.is_portal else remedy)


def commands(text: str) -> Markup:
    """Return a text whose commands stand between backticks, with these as code."""
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    )


def _time(epoch_ms: int, shown: str, kind: str) -> Markup:
    return Markup('<time datetime="{}" title="{}" data-time="{}">{}</time>').format(
        time_text(epoch_ms), _utc(epoch_ms), kind, shown
    )


def _pairs(values: Iterable[str]) -> list[tuple[str, str]]:
    """Return values as options that are labelled with themselves."""
    return [(each, each) for each in values]


def _utc(epoch_ms: int) -> str:
    return f"{time_text(epoch_ms)[:19].replace('T', ' ')} UTC"
