"""Signature of an endpoint's whole record, which binds it to its owner and target.

URL, headers and secrets are encrypted for one endpoint, but the workspace, types, filters and
status are in the clear. The seal is an HMAC over all of the record's bytes. It follows the record,
where readers of earlier releases ignore it:

    Avro single-object encoding | version of the seal, 1 byte | HMAC-SHA256, 32 bytes
"""

from __future__ import annotations

import hmac
from enum import Enum, auto
from typing import Final

from plaudit.endpoints.keys import KEY_ID_CHARACTERS, MAC_BYTES, SecretKeys
from plaudit.records.endpoint import EndpointRecord, encode_endpoint, split_endpoint

_VERSION: Final = b"\x01"
_VERSION_MOST: Final = 10
"""Bytes of a number in Avro."""
SEAL_BYTES: Final = len(_VERSION) + MAC_BYTES


class Binding(Enum):
    """Result of checking a record's signature.

    Members:
        BOUND: a holder of the key wrote the record.
        UNBOUND: the record has no signature, as in releases before 0.2.
        FORGED: the record was changed, or its signature has an unknown version.
        UNKNOWN: the key of the signature is missing.
    """

    BOUND = auto()
    UNBOUND = auto()
    FORGED = auto()
    UNKNOWN = auto()


def bind(record: EndpointRecord, keys: SecretKeys) -> bytes:
    """Return a record with its seal; without one if the record's key is missing.

    A reader without that key can't open the endpoint either.
    """
    body = encode_endpoint(record)
    mac = keys.authenticate(record["key_id"], _VERSION + body)
    return body if mac is None else body + _VERSION + mac


def unbind(value: bytes, keys: SecretKeys) -> tuple[EndpointRecord, Binding]:
    """Return a record, and the result of checking its seal.

    Raises:
        RecordError: the bytes are not an endpoint.
    """
    record, _, binding = split_binding(value, keys)
    return record, binding


def split_binding(value: bytes, keys: SecretKeys) -> tuple[EndpointRecord, bytes, Binding]:
    """Return a record, its bytes without the seal, and the result of checking the seal.

    Raises:
        RecordError: the bytes are not an endpoint.
    """
    record, length = split_endpoint(value)
    body = value[:length]
    return record, body, _judge(body, value[length:], record["key_id"], keys)


def is_bound(body: bytes, seal: bytes, version_at: int, keys: SecretKeys) -> bool:
    """Return whether a holder of the key wrote a record; False if that needs a full check.

    Bytes that match their seal are a record, so they need not be decoded.

    Args:
        body: the record.
        seal: the bytes that follow it.
        version_at: position of the seal's version; the name of the key follows it.
        keys: the keys that may have been used.
    """
    if not seal.startswith(_VERSION) or len(body) < version_at + _VERSION_MOST:
        return False
    place = version_at
    while body[place] & 128 and place < version_at + _VERSION_MOST:
        place += 1
    if body[place + 1] != 2 * KEY_ID_CHARACTERS:
        return False
    name = body[place + 2 : place + 2 + KEY_ID_CHARACTERS]
    mac = keys.authenticate(name.decode("ascii", "replace"), _VERSION + body)
    return mac is not None and hmac.compare_digest(mac, seal[len(_VERSION) :])


def _judge(body: bytes, seal: bytes, key_id: str, keys: SecretKeys) -> Binding:
    if not seal:
        return Binding.UNBOUND
    if len(seal) != len(_VERSION) + MAC_BYTES or not seal.startswith(_VERSION):
        return Binding.FORGED
    mac = keys.authenticate(key_id, _VERSION + body)
    if mac is None:
        return Binding.UNKNOWN
    fits = hmac.compare_digest(mac, seal[len(_VERSION) :])
    return Binding.BOUND if fits else Binding.FORGED
