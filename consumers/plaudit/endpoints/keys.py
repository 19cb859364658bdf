"""Encryption keys for data at rest: URLs, headers and secrets of endpoints."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from plaudit.endpoints.signing import Hmac
from plaudit.kafka.errors import SettingsError

VARIABLE: Final = "PLAUDIT_SECRET_KEY"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
MAC_BYTES: Final = 32
KEY_ID_CHARACTERS: Final = 8
_BINDING: Final = b"plaudit: binding of endpoint records"
"""Label from which authentication keys are derived, so that encryption and authentication use
different keys."""
_HOW: Final = "make one with: openssl rand -base64 32"


class CannotOpen(Exception):
    """A sealed blob can't be opened.

    Attributes:
        reason: `key_missing` or `damaged`.
        key_id: id of the key that encrypted it.
    """

    def __init__(self, reason: str, key_id: str) -> None:
        super().__init__(f"{reason}: sealed with key {key_id}; is it in {VARIABLE}?")
        self.reason = reason
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class Sealed:
    """Encrypted bytes, and which key opens them."""

    key_id: str
    blob: bytes


class SecretKeys:
    """AES-256-GCM keys: the first encrypts, all decrypt, so keys rotate without a pause.

    Args:
        keys: at least one key, of 32 bytes each.

    Attributes:
        first: id of the key that encrypts.
        ids: ids of all keys.
    """

    def __init__(self, keys: list[bytes]) -> None:
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        derived = {key_id(key): hmac.digest(key, _BINDING, "sha256") for key in keys}
        self._binding = {name: Hmac(key) for name, key in derived.items()}
        self.first = key_id(keys[0])
        self.ids = frozenset(self._ciphers)

    @classmethod
    def from_setting(cls, text: str) -> SecretKeys:
        """Read `PLAUDIT_SECRET_KEY`: base64 of 32 bytes each, comma-separated.

        Raises:
            SettingsError: the variable is unset, or a key is invalid; the message never shows its
                value.
        """
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts:
            raise SettingsError(VARIABLE, f"not set; {_HOW}")
        return cls([_key(place, part) for place, part in enumerate(parts, 1)])

    def seal(self, endpoint_id: str, plain: bytes) -> Sealed:
        """Encrypt data of an endpoint; it can't be decrypted for another endpoint."""
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._ciphers[self.first]
        return Sealed(self.first, nonce + cipher.encrypt(nonce, plain, endpoint_id.encode()))

    def open(self, endpoint_id: str, sealed: Sealed) -> bytes:
        """Decrypt.

        Raises:
            CannotOpen: the key is missing, or the blob was changed or belongs to another endpoint.
        """
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            reason = "key_missing"
            raise CannotOpen(reason, sealed.key_id)
        nonce, body = sealed.blob[:NONCE_BYTES], sealed.blob[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, body, endpoint_id.encode())
        except (InvalidTag, ValueError):
            reason = "damaged"
            raise CannotOpen(reason, sealed.key_id) from None

    def authenticate(self, key_id: str, content: bytes) -> bytes | None:
        """Return the HMAC-SHA256 of some content; None if the key is missing."""
        key = self._binding.get(key_id)
        return None if key is None else key.digest(content)


def key_id(key: bytes) -> str:
    """Return the id of a key: the first 8 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:KEY_ID_CHARACTERS]


def _key(place: int, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SettingsError(VARIABLE, f"key {place} is not base64; {_HOW}") from None
    if len(key) != KEY_BYTES:
        msg = f"key {place} has {len(key)} bytes, not {KEY_BYTES}; {_HOW}"
        raise SettingsError(VARIABLE, msg)
    return key
