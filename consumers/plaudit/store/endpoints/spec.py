"""Specification of an endpoint, and its validation."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from plaudit.endpoints.filters import FilterRefused, parse_filter
from plaudit.endpoints.signing import KINDS, SecretRefused, secret_bytes
from plaudit.events.catalogue import CATALOGUE
from plaudit.formats import slack
from plaudit.formats.catalogue import FORMATS
from plaudit.records.delays import Delay, DelayError, parse_delays
from plaudit.records.trace_context import TRACE_HEADERS
from plaudit.store.endpoints.filter_fields import check_fields
from plaudit.transport.addresses import AddressPolicy, check_url
from plaudit.transport.errors import AddressRefused, UrlRefused
from plaudit.transport.request_head import OURS

HIGHEST_RATE: Final = 10_000.0
MOST_HEADERS: Final = 20
LONGEST_NAME: Final = 200
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[\x20-\x7e\t]{0,2000}")
_RESERVED: Final = ("webhook-", "content-", "plaudit-")
_OTHERS: Final = TRACE_HEADERS | {"user-agent"}


class InputRefused(ValueError):
    """The input is invalid; nothing was changed.

    Attributes:
        field: name of the field.
        reason: what is wrong with it, and which values are valid.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """Specification of an endpoint.

    Attributes:
        url: target URL.
        types: event types; none means all.
        spaces: ids of spaces; none means all.
        headers: headers of every request.
        rate_limit: requests per second.
        schedule: delays between attempts, such as `5s,5m`.
        format: payload format. `slack` has other defaults: a rate limit of one per second, and all
            event types except the most frequent ones.
        secret: `whsec_…`; None means a new one, or the current one on a change.
        name: display name, unique within the workspace.
        content_filter: filter on the content of events, as JSON (see
            `plaudit.endpoints.filters`).
        signing: signatures: `v1` with a secret, `v1a` with a key pair, or `both`.
    """

    url: str
    types: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    rate_limit: float | None = None
    schedule: str | None = None
    format: str = "standard"
    secret: str | None = field(default=None, repr=False)
    name: str | None = None
    content_filter: str | None = None
    signing: str = "v1"


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of this installation.

    Attributes:
        policy: allowed addresses.
        tiers: delays that have a retry topic.
    """

    policy: AddressPolicy
    tiers: Sequence[Delay]


def validated(wanted: EndpointSpec, rules: Rules) -> EndpointSpec:
    """Validate a specification; return it in canonical form.

    Raises:
        InputRefused: a field is invalid; the message names the field and the accepted values.
    """
    if wanted.format not in FORMATS:
        raise InputRefused("format", f"{wanted.format!r} is not one of {', '.join(FORMATS)}")
    if wanted.signing not in KINDS:
        raise InputRefused("signing", f"{wanted.signing!r} is not one of {', '.join(KINDS)}")
    if wanted.name is not None and not printable(wanted.name):
        raise InputRefused("name", f"must be 1 to {LONGEST_NAME} printable characters")
    if wanted.rate_limit is not None and not 0 < wanted.rate_limit <= HIGHEST_RATE:
        reason = f"must be over 0 and at most {HIGHEST_RATE:g}, not {wanted.rate_limit:g}"
        raise InputRefused("rate_limit", reason)
    if wanted.secret is not None:
        _check_secret(wanted.secret)
    _check_headers(wanted.headers)
    slacks = wanted.format == slack.SLACK.name
    types = wanted.types or (slack.TYPES if slacks else ())
    return EndpointSpec(
        _url(wanted.url, rules.policy),
        tuple(_type(name) for name in types),
        tuple(uuid_text("spaces", text) for text in wanted.spaces),
        wanted.headers,
        wanted.rate_limit or (slack.RATE_LIMIT if slacks else None),
        _schedule(wanted.schedule, rules.tiers),
        wanted.format,
        wanted.secret,
        wanted.name,
        _filter(wanted.content_filter, types),
        wanted.signing,
    )


def check_choice(types: Sequence[str], content_filter: str | None) -> None:
    """Check event types and a content filter.

    Raises:
        InputRefused: a type is unknown, or the filter is invalid.
    """
    for name in types:
        _type(name)
    _filter(content_filter, types)


def printable(name: str) -> bool:
    """Return whether a name is valid."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable()


def uuid_text(field_name: str, text: str) -> str:
    """Return an id in canonical form.

    Raises:
        InputRefused: the text is not a UUID.
    """
    try:
        return str(UUID(text))
    except ValueError:
        raise InputRefused(field_name, f"{text!r} is not a UUID") from None


def _url(url: str, policy: AddressPolicy) -> str:
    try:
        target = check_url(url)
        policy.check(target)
    except UrlRefused as refused:
        raise InputRefused("url", refused.reason) from None
    except AddressRefused as refused:
        raise InputRefused("url", f"{refused.detail} (see PLAUDIT_ALLOW_NETWORKS)") from None
    return target.url


def _type(name: str) -> str:
    if name in CATALOGUE:
        return name
    close = difflib.get_close_matches(name, CATALOGUE, 1)
    hint = f"did you mean {close[0]}?" if close else "see `plaudit schemas list`"
    raise InputRefused("types", f"{name!r} is not an event type; {hint}")


def _filter(text: str | None, types: Sequence[str]) -> str | None:
    if text is None:
        return None
    try:
        parse_filter(text)
        check_fields(text, types)
    except FilterRefused as refused:
        where = f"filter.{refused.where}" if refused.where else "filter"
        raise InputRefused(where, refused.reason) from None
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


def _check_secret(secret: str) -> None:
    try:
        secret_bytes(secret)
    except SecretRefused as refused:
        raise InputRefused("secret", str(refused)) from None


def _check_headers(headers: Mapping[str, str]) -> None:
    if len(headers) > MOST_HEADERS:
        raise InputRefused("headers", f"must be at most {MOST_HEADERS}, not {len(headers)}")
    for name, value in headers.items():
        lower = name.lower()
        if _TOKEN.fullmatch(name) is None:
            raise InputRefused("headers", f"{name!r} is not a header name")
        if lower.startswith(_RESERVED) or lower.encode() in OURS or lower in _OTHERS:
            raise InputRefused("headers", f"{name} is reserved for Plaudit")
        if _VALUE.fullmatch(value) is None:
            raise InputRefused("headers", f"the value of {name} is not printable ASCII text")


def _schedule(text: str | None, tiers: Iterable[Delay]) -> str | None:
    if text is None:
        return None
    try:
        delays = parse_delays(text)
    except DelayError as error:
        raise InputRefused("schedule", str(error)) from None
    offered = {delay.millis: delay for delay in tiers}
    for delay in delays:
        if delay.millis not in offered:
            listed = ",".join(each.label for each in offered.values())
            raise InputRefused("schedule", f"{delay} is not one of the tiers {listed}")
    return ",".join(offered[delay.millis].label for delay in delays)
