"""Protection of header values: they stay with the host that they were set for. Pure.

A header such as `authorization` is never shown again. A caller who may change an endpoint, but does
not know that value, must not have it sent to a host of their own.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from plaudit.store.endpoints.spec import EndpointSpec


def without_headers_of(before: EndpointSpec, changed: EndpointSpec) -> EndpointSpec:
    """Return a changed endpoint without the headers that were given for another host.

    It applies to changes without headers; a change with headers chooses those for the new host.
    """
    same = _origin(before.url) == _origin(changed.url)
    return changed if same else replace(changed, headers={})


def dropped(before: EndpointSpec, changed: EndpointSpec) -> list[str]:
    """Return a warning about headers that a move to another host took away; none without any."""
    lost = sorted(before.headers.keys() - changed.headers.keys())
    if not lost or _origin(before.url) == _origin(changed.url):
        return []
    advice = "give the headers again if the new host is to have them"
    return [f"the URL's host changed: {', '.join(lost)} is not sent there; {advice}"]


def _origin(url: str) -> tuple[str, str]:
    """Return the scheme and the host with its port; a URL that is refused later is its own."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return "", url
    return parts.scheme.lower(), f"{(parts.hostname or '').lower()}:{port}"
