"""Protection of forms: a token bound to the session, and the request's origin."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from plaudit.api.problems import Refused

FIELD: Final = "csrf"
_BYTES: Final = 32


def csrf_of(token: str) -> str:
    """Return the secret for a session's forms, which does not reveal the session's token."""
    return hmac.new(token.encode(), b"plaudit forms", hashlib.sha256).hexdigest()


def masked(csrf: str) -> str:
    """Mask a secret differently each time, so that compression reveals nothing about it."""
    pad = secrets.token_bytes(_BYTES)
    return (pad + _xor(pad, bytes.fromhex(csrf))).hex()


def check_token(csrf: str, given: str | None) -> None:
    """Check the token of a form.

    Raises:
        Refused: the token is missing, or belongs to another session.
    """
    try:
        raw = bytes.fromhex(given or "")
    except ValueError:
        raw = b""
    found = _xor(raw[:_BYTES], raw[_BYTES:]) if len(raw) == 2 * _BYTES else b""
    if not hmac.compare_digest(found, bytes.fromhex(csrf)):
        raise Refused(403, "this form is out of date; load the page again", code="csrf")


def check_origin(headers: Headers, own: str | None) -> None:
    """Check that one of our pages sent a form.

    Args:
        headers: headers of the request.
        own: origin of this installation; None: take it from the `Host` header.

    Raises:
        Refused: another origin sent the form.
    """
    origin = headers.get("origin")
    if origin is None:
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise _foreign()
        return
    if own is not None and origin == own:
        return
    if own is None and origin != "null" and urlsplit(origin).netloc == headers.get("host"):
        return
    raise _foreign()


def _foreign() -> Refused:
    return Refused(403, "this form was sent from another site", code="csrf")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
