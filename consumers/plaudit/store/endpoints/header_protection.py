"""Protection of header values, which stay with the host for which they were set.

The API never shows the value of a header such as `authorization`. A caller who may change an
endpoint, but does not know that value, must not be able to send it to another host.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from plaudit.store.endpoints.spec import EndpointSpec


def without_headers_of(before: EndpointSpec, changed: EndpointSpec) -> EndpointSpec:
    """Return a changed endpoint without the headers that were set for another host.

    A change that contains headers keeps them: the caller chose them for the new host.
    """
    same = _origin(before.url) == _origin(changed.url)
    return changed if same else replace(changed, headers={})


def dropped_headers(before: EndpointSpec, changed: EndpointSpec) -> list[str]:
    """Return a warning about headers that a change of the host removed; empty without any."""
    lost = sorted(before.headers.keys() - changed.headers.keys())
    if not lost or _origin(before.url) == _origin(changed.url):
        return []
    advice = "set the headers again if the new host needs them"
    return [f"the URL's host changed: {', '.join(lost)} is not sent there; {advice}"]


def _origin(url: str) -> tuple[str, str]:
    """Return the scheme, and the host with its port; for an invalid URL, the URL itself."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return "", url
    return parts.scheme.lower(), f"{(parts.hostname or '').lower()}:{port}"
