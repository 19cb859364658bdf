"""Session cookies."""

from __future__ import annotations

from plaudit.console.settings import ConsoleSettings
from plaudit.store.access.sessions import WebApp


def cookie_name(web_app: WebApp, settings: ConsoleSettings) -> str:
    """Return the name of the cookie; with https, it has the prefix that browsers enforce."""
    return f"{'__Host-' if settings.is_secure else ''}plaudit-{web_app}"


def session_cookie(web_app: WebApp, settings: ConsoleSettings, token: str, lifetime_s: int) -> str:
    """Return the `Set-Cookie` header of a session; an empty token removes it."""
    framed = web_app is WebApp.PORTAL and settings.portal_frame_ancestors and settings.is_secure
    parts = [
        f"{cookie_name(web_app, settings)}={token}",
        "Path=/",
        f"Max-Age={lifetime_s if token else 0}",
        "HttpOnly",
        # A frame in another site receives only cookies with `None`, in a partitioned jar.
        "SameSite=None" if framed else "SameSite=Lax",
    ]
    if settings.is_secure:
        parts.append("Secure")
    if framed:
        parts.append("Partitioned")
    return "; ".join(parts)
