"""Warnings about valid settings that will not work well (n8n test URLs, Make and Zapier limits)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from plaudit.formats.cloudevents import STRUCTURED
from plaudit.formats.slack import SLACK
from plaudit.records.times import time_text
from plaudit.store.endpoints.filter_fields import field_warnings
from plaudit.store.endpoints.spec import EndpointSpec

_MAKE_RATE: Final = 30.0
"""Requests per second; Make accepts 300 in 10 s."""
_ZAPIER_RATE: Final = 30.0


def warnings_for(wanted: EndpointSpec) -> list[str]:
    """Return warnings about an endpoint, each with a remedy."""
    return list(_warnings(wanted))


def recovery_hint(endpoint_id: str, since_ms: int, until_ms: int) -> str:
    """Return the command that sends the events missed between two times (epoch ms)."""
    since, until = time_text(since_ms), time_text(until_ms)
    return (
        f"the endpoint missed the events that were published from {since} to {until}, while it was "
        f"disabled; earlier events that were read then are dead letters; to send both: "
        f"plaudit endpoints enable {endpoint_id} --recover"
    )


def _warnings(wanted: EndpointSpec) -> Iterator[str]:
    yield from field_warnings(wanted.content_filter, wanted.types)
    parts = urlsplit(wanted.url)
    host = parts.hostname or ""
    if "/webhook-test/" in parts.path:
        yield (
            "this is n8n's test URL: it listens for 120 s and then answers 404; use the "
            "production URL (/webhook/…) of an active workflow"
        )
    n8n = "n8n" in host or "/webhook/" in parts.path or "/webhook-test/" in parts.path
    if n8n and wanted.format == STRUCTURED.name:
        yield (
            f"n8n reads an empty body from {STRUCTURED.content_type.decode()}; use "
            "cloudevents-binary or standard"
        )
    if host.startswith("hook.") and host.endswith((".make.com", ".integromat.com")):
        if wanted.rate_limit is None or wanted.rate_limit > _MAKE_RATE:
            yield "Make refuses more than 300 requests in 10 s; set a rate limit of 25"
        yield (
            "Make answers 410 when no scenario has used the webhook for 5 days; the endpoint is "
            "disabled then"
        )
    limit = wanted.rate_limit
    if host == "hooks.zapier.com" and (limit is None or limit > _ZAPIER_RATE):
        yield "Zapier refuses more than about 30 requests a second; set a rate limit of 20"
    if host == "hooks.slack.com" and wanted.format != SLACK.name:
        yield "Slack accepts only its own message format; use the format slack"
