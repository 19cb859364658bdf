"""Providers of OAuth tokens without a signature, which a broker in a test accepts."""

from __future__ import annotations

import base64
import json
import time

USER = "worker"


def unsecured() -> tuple[str, float]:
    """Return a token of the user that is valid for an hour."""
    expires = time.time() + 3_600
    return token(USER, expires), expires


def expired() -> tuple[str, float]:
    """Return a token that the broker refuses, although the client holds it for valid."""
    return token(USER, time.time() - 3_600), time.time() + 3_600


def failing() -> tuple[str, float]:
    """Fail, as when the identity provider is down."""
    msg = "the identity provider is down"
    raise RuntimeError(msg)


def token(user: str, expires: float) -> str:
    """Return an unsigned JSON web token."""
    claims = {"sub": user, "iat": time.time() - 7_200, "exp": expires}
    parts = (json.dumps(each).encode() for each in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts) + "."
