"""Asymmetric signatures of the Standard Webhooks specification (`v1a`): Ed25519 key pairs.

A receiver verifies with the public key alone, so it keeps nothing that could sign.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
SEED_BYTES: Final = 32
SIGNATURE: Final = b"v1a,"


class KeyRefused(ValueError):
    """The text is not a key of Standard Webhooks; the message does not contain it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair.

    Attributes:
        text: `whsk_` and base64 of the seed and the public key, 64 bytes as in libsodium.
        expires_at_ms: when it stops signing after a rotation; epoch milliseconds.
    """

    text: str
    expires_at_ms: int | None = None

    def __repr__(self) -> str:
        """Never show the key."""
        return "SigningKey(…)"

    @property
    def public_bytes(self) -> bytes:
        """Public key, 32 bytes."""
        return _private_bytes(self.text)[SEED_BYTES:]

    @property
    def public(self) -> str:
        """Public key in the form for receivers: `whpk_` and base64."""
        return PUBLIC + base64.b64encode(self.public_bytes).decode("ascii")

    @property
    def key_id(self) -> str:
        """Name of the key: the first 16 hexadecimal digits of the public key's SHA-256."""
        return hashlib.sha256(self.public_bytes).hexdigest()[:16]


class Ed25519:
    """Signs with one key.

    Args:
        key: the key pair.

    Raises:
        KeyRefused: it is not a key pair.
    """

    __slots__ = ("_sign",)

    def __init__(self, key: SigningKey) -> None:
        seed = _private_bytes(key.text)[:SEED_BYTES]
        self._sign = Ed25519PrivateKey.from_private_bytes(seed).sign

    def signature(self, signed: bytes) -> bytes:
        """Return the signature as the header has it."""
        return SIGNATURE + binascii.b2a_base64(self._sign(signed), newline=False)


def new_signing_key(seed: bytes | None = None) -> SigningKey:
    """Return a fresh key pair, or that of a seed of 32 bytes."""
    made = (
        Ed25519PrivateKey.generate() if seed is None else Ed25519PrivateKey.from_private_bytes(seed)
    )
    public = made.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    both = made.private_bytes_raw() + public
    return SigningKey(PRIVATE + base64.b64encode(both).decode("ascii"))


def verifies(public: str, signature: str, signed: bytes) -> bool:
    """Return whether a signature such as `v1a,…` is that of the holder of the key.

    Raises:
        KeyRefused: not `whpk_` and base64 of 32 bytes.
    """
    key = Ed25519PublicKey.from_public_bytes(public_bytes(public))
    version, _, text = signature.partition(",")
    if version != "v1a":
        return False
    try:
        key.verify(base64.b64decode(text, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def public_bytes(text: str) -> bytes:
    """Return a public key.

    Raises:
        KeyRefused: not `whpk_` and base64 of 32 bytes.
    """
    return _decoded(text, PUBLIC, SEED_BYTES)


def _private_bytes(text: str) -> bytes:
    return _decoded(text, PRIVATE, 2 * SEED_BYTES)


def _decoded(text: str, prefix: str, size: int) -> bytes:
    how = f"a key is {prefix} and base64 of {size} bytes"
    if not text.startswith(prefix):
        raise KeyRefused(how)
    try:
        key = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        raise KeyRefused(how) from None
    if len(key) != size:
        raise KeyRefused(how)
    return key
