"""Signature of an endpoint's whole record, which binds it to its owner and target.

URL, headers and secrets are encrypted for one endpoint, but the workspace, types, filters and
status stand beside them in the clear. The seal is an HMAC over all of the record's bytes. It
follows the record, where readers of earlier releases don't look:

    Avro single-object encoding | version of the seal, 1 byte | HMAC-SHA256, 32 bytes
"""

from __future__ import annotations

import hmac
from enum import Enum, auto
from typing import Final

from plaudit.endpoints.keys import MAC_BYTES, SecretKeys
from plaudit.records.endpoint import EndpointRecord, encode_endpoint, split_endpoint

_VERSION: Final = b"\x01"


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
    """Return a record with its seal; without one when the record's key is not here.

    A reader without that key can't open the endpoint anyway.
    """
    body = encode_endpoint(record)
    mac = keys.authenticate(record["key_id"], _VERSION + body)
    return body if mac is None else body + _VERSION + mac


def unbind(value: bytes, keys: SecretKeys) -> tuple[EndpointRecord, Binding]:
    """Return a record, and what its seal says.

    Raises:
        RecordError: the bytes are not an endpoint.
    """
    record, length = split_endpoint(value)
    return record, _judge(value[:length], value[length:], record["key_id"], keys)


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
