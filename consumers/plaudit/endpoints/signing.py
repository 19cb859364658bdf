"""Signatures of the Standard Webhooks specification: `v1` with a secret, `v1a` with a key pair."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from plaudit.endpoints.key_pairs import Ed25519, SigningKey

Signing = Literal["v1", "v1a", "both"]
"""Kinds of signatures of an endpoint."""
KINDS: Final[dict[str, tuple[str, ...]]] = {"v1": ("v1",), "v1a": ("v1a",), "both": ("v1", "v1a")}
PREFIX: Final = "whsec_"
NEW_BYTES: Final = 32
SHORTEST: Final = 24
LONGEST: Final = 64
_BLOCK_BYTES: Final = 64
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))


class SecretRefused(ValueError):
    """The text is not a secret of Standard Webhooks; the message does not contain it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret.

    Attributes:
        text: `whsec_` and base64.
        expires_at_ms: end of its use after a rotation; epoch milliseconds.
    """

    text: str
    expires_at_ms: int | None = None

    def __repr__(self) -> str:
        """Never show the secret."""
        return "Secret(…)"


def new_secret() -> str:
    """Return a fresh secret."""
    return secret_of(os.urandom(NEW_BYTES))


def secret_of(key: bytes) -> str:
    """Return a key as the text of a secret."""
    return PREFIX + base64.b64encode(key).decode("ascii")


def secret_bytes(text: str) -> bytes:
    """Return the key in a secret.

    Raises:
        SecretRefused: not `whsec_` and base64 of 24 to 64 bytes.
    """
    how = f"a secret is {PREFIX} and base64 of {SHORTEST} to {LONGEST} bytes"
    if not text.startswith(PREFIX):
        raise SecretRefused(how)
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretRefused(how) from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise SecretRefused(how)
    return key


class Hmac:
    """HMAC-SHA256 (RFC 2104) under one key, which is hashed in advance.

    `hmac.digest` releases the interpreter's lock in the middle of the hot path; hashing less than 2
    KB does not.

    Args:
        key: at most 64 bytes, the block of SHA-256.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(_INNER_PAD))
        self._outer = sha256(block.translate(_OUTER_PAD))

    def digest(self, message: bytes) -> bytes:
        """Return the code of a message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class Signer:
    """Signs for one endpoint: during a rotation also with the former secret and key pair.

    Args:
        secrets: secrets, the newest first; empty if the endpoint does not use `v1`.
        keys: key pairs, the newest first; empty if the endpoint does not use `v1a`.

    Raises:
        SecretRefused: a secret can't be used.
        KeyRefused: a key pair can't be used.
    """

    __slots__ = ("_keys", "_only", "_pairs")

    def __init__(self, secrets: Sequence[Secret], keys: Sequence[SigningKey] = ()) -> None:
        self._only: Hmac | None = None
        self._keys: tuple[tuple[Hmac, int | None], ...] = ()
        self._pairs: tuple[tuple[Ed25519, int | None], ...] = ()
        if len(secrets) == 1 and secrets[0].expires_at_ms is None and not keys:
            # The usual case, outside of a rotation: a worker holds thousands of them.
            self._only = Hmac(secret_bytes(secrets[0].text))
            return
        self._keys = tuple((Hmac(secret_bytes(each.text)), each.expires_at_ms) for each in secrets)
        self._pairs = tuple((Ed25519(each), each.expires_at_ms) for each in keys)

    def sign(self, message_id: str, timestamp_s: int, body: bytes) -> bytes:
        """Return the value of `webhook-signature`.

        Args:
            message_id: the `webhook-id`.
            timestamp_s: the `webhook-timestamp`, seconds since 1970.
            body: the bytes that are sent.
        """
        signed = b"%b.%d.%b" % (message_id.encode(), timestamp_s, body)
        if self._only is not None:
            return _signature(self._only, signed)
        now_ms = timestamp_s * 1_000
        signatures = [
            _signature(key, signed)
            for key, expires_at_ms in self._keys
            if expires_at_ms is None or now_ms < expires_at_ms
        ]
        for pair, expires_at_ms in self._pairs:
            if expires_at_ms is None or now_ms < expires_at_ms:
                signatures.append(pair.signature(signed))
        return b" ".join(signatures)


def _signature(key: Hmac, signed: bytes) -> bytes:
    return b"v1," + binascii.b2a_base64(key.digest(signed), newline=False)


def signing_of(kinds: Sequence[str]) -> str:
    """Return the option that selects these signatures."""
    return next((name for name, each in KINDS.items() if {*each} == {*kinds}), "v1")
