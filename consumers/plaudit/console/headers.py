"""Security headers of every response."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from plaudit.console.settings import ConsoleSettings
from plaudit.store.access.sessions import WebApp

_FIXED: Final = {
    "x-content-type-options": "nosniff",
    # With `no-referrer`, browsers send our forms with the origin `null`.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cross-origin-opener-policy": "same-origin",
}


def security_headers(
    web_app: WebApp, settings: ConsoleSettings, logo: str | None = None
) -> dict[str, str]:
    """Return the headers.

    Args:
        web_app: the application; only the portal may be framed.
        settings: origins that may embed the portal.
        logo: image of the embedding application.
    """
    framed = web_app is WebApp.PORTAL and settings.portal_frame_ancestors
    ancestors = settings.portal_frame_ancestors if framed else "'none'"
    images = " ".join(["'self'", *_origin(logo)])
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src {images}; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )
    headers = {**_FIXED, "content-security-policy": policy}
    return headers if framed else {**headers, "x-frame-options": "DENY"}


def _origin(url: str | None) -> list[str]:
    if url is None:
        return []
    parts = urlsplit(url)
    return [f"{parts.scheme}://{parts.netloc}"]
