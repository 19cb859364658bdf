"""Verification of a webhook by its receiver, as the Standard Webhooks specification defines it."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from typing import Final

from plaudit.endpoints.key_pairs import PUBLIC, verifies
from plaudit.endpoints.signing import secret_bytes

TOLERANCE_S: Final = 300
"""Maximum age of a timestamp; an older request may be a replay of a recorded one."""


class NotVerified(Exception):
    """The request is not authentic; the message contains the reason."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now_s: float | None = None) -> str:
    """Verify a request's signature; return its `webhook-id`.

    Args:
        secret: `whsec_…`, or `whpk_…` for asymmetric signatures.
        headers: names in lower case.
        body: received bytes, unchanged.
        now_s: epoch seconds; the current time by default.

    Raises:
        NotVerified: a header is missing, the timestamp is too old, or the signature is wrong.
    """
    message_id = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not message_id or not stamp or not given:
        raise NotVerified("a webhook-* header is missing")
    if not stamp.isdecimal():
        raise NotVerified("webhook-timestamp is not a number")
    now = time.time() if now_s is None else now_s
    if abs(now - int(stamp)) > TOLERANCE_S:
        raise NotVerified(f"webhook-timestamp differs from the clock by over {TOLERANCE_S} s")
    signed = f"{message_id}.{stamp}.".encode() + body
    if secret.startswith(PUBLIC):
        if any(verifies(secret, signature, signed) for signature in given.split()):
            return message_id
        raise NotVerified("no v1a signature matches: the key or the body differs")
    digest = hmac.digest(secret_bytes(secret), signed, "sha256")
    wanted = b"v1," + base64.b64encode(digest)
    for signature in given.split():
        if hmac.compare_digest(signature.encode(), wanted):
            return message_id
    raise NotVerified("no signature matches: the secret or the body differs")
