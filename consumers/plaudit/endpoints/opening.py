"""Conversion between an endpoint's record and its model, with encryption."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plaudit.endpoints.filters import known_filter
from plaudit.endpoints.key_pairs import SigningKey
from plaudit.endpoints.keys import CannotOpen, Sealed, SecretKeys
from plaudit.endpoints.model import Endpoint, Periods, Served, Unreadable
from plaudit.endpoints.signing import Secret, SecretRefused, Signer
from plaudit.endpoints.summary import names
from plaudit.formats.catalogue import UnknownFormat, shape_of
from plaudit.records.delays import Delay, DelayError, parse_delays
from plaudit.records.endpoint import EndpointRecord
from plaudit.records.trace_context import TRACE_HEADERS
from plaudit.transport.addresses import Target, check_url
from plaudit.transport.errors import UrlRefused


@dataclass(frozen=True, slots=True)
class EncryptedFields:
    """Encrypted fields of an endpoint.

    Attributes:
        url: the URL, which may contain a token.
        headers: names and values.
        secrets: secrets, the newest first.
        earlier: periods in which the endpoint was served before it was disabled and enabled again.
            It is not secret, but here readers of the previous release skip it, while they would
            ignore a record with an unknown field.
        pairs: key pairs for asymmetric signatures, the newest first.
    """

    url: str
    headers: Mapping[str, str]
    secrets: Sequence[Secret]
    earlier: Periods = ()
    pairs: Sequence[SigningKey] = ()

    def __repr__(self) -> str:
        """Never show what is private."""
        return "EncryptedFields(…)"


def seal(keys: SecretKeys, endpoint_id: str, private: EncryptedFields) -> Sealed:
    """Encrypt the private fields of an endpoint."""
    plain: dict[str, Any] = {
        "url": private.url,
        "headers": dict(private.headers),
        "secrets": [
            {"secret": each.text, "expires_at": each.expires_at_ms} for each in private.secrets
        ],
    }
    if private.earlier:
        plain["earlier"] = private.earlier
    if private.pairs:
        plain["pairs"] = [
            {"key": each.text, "expires_at": each.expires_at_ms} for each in private.pairs
        ]
    return keys.seal(endpoint_id, json.dumps(plain).encode())


def unseal(keys: SecretKeys, endpoint_id: str, sealed: Sealed) -> EncryptedFields:
    """Decrypt the private fields of an endpoint.

    Raises:
        CannotOpen: the key is missing, or the blob is damaged.
    """
    plain: dict[str, Any] = json.loads(keys.open(endpoint_id, sealed))
    secrets = [Secret(each["secret"], each["expires_at"]) for each in plain["secrets"]]
    earlier = tuple((since, until) for since, until in plain.get("earlier", ()))
    pairs = [SigningKey(each["key"], each["expires_at"]) for each in plain.get("pairs", ())]
    return EncryptedFields(plain["url"], plain["headers"], secrets, earlier, pairs)


def open_endpoint(record: EndpointRecord, keys: SecretKeys) -> Served:
    """Return the endpoint; `Unreadable` if it can't be decrypted."""
    sealed = Sealed(record["key_id"], record["sealed"])
    try:
        private = unseal(keys, record["endpoint_id"], sealed)
        signer = signer_of(private, record["signature_kinds"])
        schedule = _schedule(record["schedule"])
        shape = shape_of(record["format"])
    except (CannotOpen, SecretRefused, DelayError, KeyError, TypeError, ValueError) as error:
        # A parser's message may quote its input, which may be a secret.
        told = isinstance(error, CannotOpen | UnknownFormat)
        return unreadable(record, str(error) if told else type(error).__name__)
    return Endpoint(
        record["endpoint_id"],
        record["workspace_id"],
        record["version"],
        _target(private.url),
        tuple(_own_headers(private.headers)),
        signer,
        names(tuple(record["event_types"])),
        names(tuple(record["spaces"])),
        shape,
        record["rate_limit"],
        schedule,
        "active" if record["status"] == "ACTIVE" else "disabled",
        record["status_reason"],
        record["active_from"],
        known_filter(record["content_filter"]),
        private.earlier,
        None if record["status"] == "ACTIVE" else record["status_since"] or 0,
    )


def signer_of(private: EncryptedFields, kinds: Collection[str]) -> Signer:
    """Return the signer of an endpoint's requests.

    Kinds of signatures that this release does not support are skipped; without a supported one,
    `v1` is used.

    Raises:
        SecretRefused: a secret can't be used.
        KeyRefused: a key pair can't be used.
    """
    pairs = private.pairs if "v1a" in kinds else ()
    return Signer(private.secrets if "v1" in kinds or not pairs else (), pairs)


def unreadable(record: EndpointRecord, reason: str) -> Unreadable:
    """Return an endpoint that can't be decrypted, from its unencrypted fields."""
    return Unreadable(
        record["endpoint_id"],
        record["workspace_id"],
        record["version"],
        reason,
        names(tuple(record["event_types"])),
        names(tuple(record["spaces"])),
        record["active_from"],
        known_filter(record["content_filter"]),
    )


def _target(url: str) -> Target | str:
    try:
        return check_url(url)
    except UrlRefused as refused:
        return refused.reason


def _schedule(text: str | None) -> tuple[Delay, ...] | None:
    return None if text is None else parse_delays(text)


def _own_headers(headers: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the subscriber's headers; a trace context belongs to the event."""
    for name, text in headers.items():
        if name.lower() not in TRACE_HEADERS:
            yield name.lower().encode(), text.encode()
