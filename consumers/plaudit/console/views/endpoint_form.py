"""Form of an endpoint: conversion of its fields to a specification, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from plaudit.console.asking import Ask
from plaudit.store.endpoints.header_protection import without_headers_of
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused

EXAMPLE: Final = "https://hooks.example.com/plaudit"
FIELDS: Final = ("url", "name", "types", "spaces", "format", "rate_limit", "schedule", "filter",
                 "headers")  # fmt: skip
"""Fields of the form, next to which errors appear."""


def spec_of(ask: Ask, known: EndpointSpec | None, stand_in: str = "") -> EndpointSpec:
    """Return the specification in a form.

    Args:
        ask: the request with the form.
        known: the current specification; its headers stay unless the form replaces them.
        stand_in: address to use while the form has none.

    Raises:
        InputRefused: a field is invalid; the message names it.
    """
    wanted = EndpointSpec(
        ask.given("url") or stand_in,
        ask.all_given("types"),
        tuple((ask.given("spaces") or "").split()),
        _headers(ask.given("headers") or ""),
        _rate(ask.given("rate_limit")),
        ask.given("schedule"),
        ask.given("format") or "standard",
        None,
        ask.given("name"),
        ask.given("filter"),
    )
    if not wanted.url:
        raise InputRefused("url", f"enter an address such as {EXAMPLE}")
    if known is None or ask.given("replace_headers"):
        return wanted
    return without_headers_of(known, replace(wanted, headers=known.headers))


def values_of(spec: EndpointSpec) -> dict[str, str | tuple[str, ...]]:
    """Return the values of a form for an endpoint, without its headers, which are secret."""
    return {
        "url": spec.url,
        "name": spec.name or "",
        "types": spec.types,
        "spaces": "\n".join(spec.spaces),
        "format": spec.format,
        "rate_limit": "" if spec.rate_limit is None else f"{spec.rate_limit:g}",
        "schedule": spec.schedule or "",
        "filter": spec.content_filter or "",
        "headers": "",
    }


def values_given(ask: Ask) -> dict[str, str | tuple[str, ...]]:
    """Return the submitted values of a form, to show them again."""
    values: dict[str, str | tuple[str, ...]] = {
        name: next(iter(ask.form.get(name, ())), "") for name in FIELDS
    }
    return {**values, "types": ask.all_given("types")}


def field_of(name: str) -> str:
    """Return the field of the form for an error."""
    head = name.partition(".")[0]
    return head if head in FIELDS else "url"


def _headers(text: str) -> Mapping[str, str]:
    found = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise InputRefused(
                "headers", f"{line[:40]!r}: write one header per line, as Name: value"
            )
        found[name.strip()] = value.strip()
    return found


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputRefused("rate_limit", f"{text[:20]!r} is not a number") from None
