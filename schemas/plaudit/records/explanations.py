"""Table of explanations: for each reason code and HTTP status, what happened and what to do.

The command line, the API and the console show these texts. Tests compare the table with the codes
that the pipeline can write.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class ReasonExplanation(NamedTuple):
    """ReasonExplanation of a reason.

    Attributes:
        what: what happened, as a clause.
        action: what to do, as a clause; empty if there is nothing to do.
    """

    what: str
    action: str


_ENABLE: Final = "enable it again: plaudit endpoints enable ENDPOINT --recover"
_UPDATE: Final = "correct it: plaudit endpoints update ENDPOINT, then redrive"
_FOREIGN: Final = "find the program that wrote it; export the dead letter, then purge it"
_REDEPLOY: Final = "deploy a release that reads it, then redrive with --kind events"
_RECEIVER: Final = "ask the receiver's owner to check the server"

DEAD_DELIVERIES: Final[Mapping[str, ReasonExplanation]] = MappingProxyType(
    {
        "exhausted": ReasonExplanation(
            "every attempt of the schedule failed",
            "when the receiver works again, redrive it",
        ),
        "expired": ReasonExplanation(
            "it waited too long behind a rate limit, an open circuit or a long Retry-After",
            "raise the endpoint's rate limit or add workers, then redrive",
        ),
        "gone": ReasonExplanation(
            "the receiver answered 410 Gone",
            "its owner unsubscribed: purge it, or redrive it --to another endpoint",
        ),
        "rejected": ReasonExplanation(
            "the receiver can't take this body",
            "the receiver has to accept it first (size, content type), then redrive",
        ),
        "endpoint_disabled": ReasonExplanation("the endpoint is disabled", _ENABLE),
        "address_refused": ReasonExplanation(
            "the URL leads to a private address, or is not https",
            "correct it: plaudit endpoints update ENDPOINT --url URL; "
            "in development, set PLAUDIT_ALLOW_NETWORKS",
        ),
        "request_invalid": ReasonExplanation(
            "the URL or a header can't be written as an HTTP request", _UPDATE
        ),
        "wrong_workspace": ReasonExplanation(
            "the delivery belongs to an endpoint of another workspace", _FOREIGN
        ),
        "write_refused": ReasonExplanation(
            "the brokers refused its next record, mostly for its size",
            "plaudit topics check; plaudit replay sends the event again",
        ),
        "defect": ReasonExplanation(
            "a defect in Plaudit stopped every attempt",
            "report it with the log's delivery.defect lines; redrive after the update",
        ),
    }
)
"""Reasons for which a delivery is given up."""

DEAD_RECORDS: Final[Mapping[str, ReasonExplanation]] = MappingProxyType(
    {
        "unknown_format": ReasonExplanation("the record is not Avro of a known framing", _FOREIGN),
        "no_value": ReasonExplanation("the record has no value", _FOREIGN),
        "truncated": ReasonExplanation("the record ends too early for its schema", _REDEPLOY),
        "trailing_bytes": ReasonExplanation("the record has bytes after its end", _REDEPLOY),
        "corrupt": ReasonExplanation("the record's bytes do not fit its schema", _REDEPLOY),
        "schema_unknown": ReasonExplanation(
            "neither the registry nor the schemas topic has the record's schema",
            "plaudit schemas register with the release that wrote it, then redrive",
        ),
        "unknown_record": ReasonExplanation(
            "the record's schema is not in the catalogue", _REDEPLOY
        ),
        "unresolvable_schema": ReasonExplanation(
            "the record's schema can't be resolved into this release's", _REDEPLOY
        ),
        "headers_unusable": ReasonExplanation(
            "the record in a delivery topic does not name its delivery", _FOREIGN
        ),
        "defect": DEAD_DELIVERIES["defect"],
    }
)
"""Reasons for which a record can't be read as an event."""

WAITING: Final[Mapping[str, ReasonExplanation]] = MappingProxyType(
    {
        "status": ReasonExplanation("the receiver did not answer 2xx", _RECEIVER),
        "endpoint_deleted": ReasonExplanation("the endpoint was deleted", ""),
        "endpoint_unknown": ReasonExplanation(
            "the worker has not read the endpoint yet",
            "if it stays so, run plaudit endpoints sync",
        ),
        "endpoint_behind": ReasonExplanation(
            "the worker waits for a newer version of the endpoint",
            "if it stays so, run plaudit endpoints sync",
        ),
        "endpoint_unreadable": ReasonExplanation(
            "the worker can't decrypt the endpoint", "check the worker's PLAUDIT_SECRET_KEY"
        ),
        "not_before": ReasonExplanation("the receiver asked for a pause (Retry-After)", ""),
        "rate_limit": ReasonExplanation(
            "the endpoint's rate limit is reached", "raise it if the receiver takes more"
        ),
        "backlog": ReasonExplanation(
            "too many deliveries to this endpoint are in flight", _RECEIVER
        ),
        "circuit_open": ReasonExplanation(
            "the endpoint failed repeatedly, so only probes are sent", _RECEIVER
        ),
        "slow": ReasonExplanation(
            "the receiver answers slowly, so it gets a share of its own", _RECEIVER
        ),
        "throttled": ReasonExplanation("the receiver asked for a slower pace", ""),
        "rebalance": ReasonExplanation("its partition moved to another worker", ""),
        "relief": ReasonExplanation("it was moved aside so that its partition can advance", ""),
        "look_ups": ReasonExplanation("too many name look-ups are in progress", ""),
    }
)
"""Reasons for which a delivery waits, or was not attempted."""

TRANSPORT: Final[Mapping[str, ReasonExplanation]] = MappingProxyType(
    {
        "transport": ReasonExplanation("the exchange failed", _RECEIVER),
        "request_invalid": DEAD_DELIVERIES["request_invalid"],
        "address_refused": DEAD_DELIVERIES["address_refused"],
        "look_ups_busy": ReasonExplanation("too many name look-ups were in progress", ""),
        "dns": ReasonExplanation("the host name has no address", "check the host name in the URL"),
        "dns_timeout": ReasonExplanation("the name look-up timed out", "check the worker's DNS"),
        "connect": ReasonExplanation("no address of the host accepted a connection", _RECEIVER),
        "proxy": ReasonExplanation("the forward proxy refused the connection", "check the proxy"),
        "connect_timeout": ReasonExplanation(
            "the host did not accept a connection in time", _RECEIVER
        ),
        "tls": ReasonExplanation(
            "the TLS handshake failed", "check the receiver's certificate and its chain"
        ),
        "tls_timeout": ReasonExplanation("the TLS handshake timed out", _RECEIVER),
        "write": ReasonExplanation("the connection broke while the request was sent", _RECEIVER),
        "write_timeout": ReasonExplanation("the receiver stopped reading the request", _RECEIVER),
        "first_byte_timeout": ReasonExplanation(
            "the receiver did not answer in time",
            "the receiver should answer first and process the event afterwards",
        ),
        "connection_lost": ReasonExplanation(
            "the receiver closed the connection before its answer was complete", _RECEIVER
        ),
        "answer_malformed": ReasonExplanation("the answer is not valid HTTP/1.1", _RECEIVER),
        "evicted": ReasonExplanation(
            "the request hung while other records waited for its partition",
            "the receiver should answer first and process the event afterwards",
        ),
        "total_timeout": ReasonExplanation(
            "the exchange took too long",
            "the receiver should answer first and process the event afterwards",
        ),
    }
)
"""Codes of exchanges that ended without an answer."""

REASONS: Final[Mapping[str, ReasonExplanation]] = MappingProxyType(
    {**WAITING, **TRANSPORT, **DEAD_RECORDS, **DEAD_DELIVERIES}
)
"""Every reason code."""

_STATUSES: Final[Mapping[int, ReasonExplanation]] = MappingProxyType(
    {
        401: ReasonExplanation(
            "the receiver wants credentials", "give them: plaudit endpoints update --header"
        ),
        403: ReasonExplanation(
            "the receiver refuses us", "check its credentials, IP allowlist and firewall"
        ),
        404: ReasonExplanation("the receiver does not have this path", "check the URL's path"),
        405: ReasonExplanation("the receiver does not take POST there", "check the URL's path"),
        410: DEAD_DELIVERIES["gone"],
        413: ReasonExplanation(
            "the body is too large for the receiver", "raise the receiver's limit"
        ),
        415: ReasonExplanation("the receiver does not take this content type", "change the format"),
        429: ReasonExplanation("the receiver gets too many requests", "set a lower rate limit"),
    }
)
_CLASSES: Final[Mapping[int, ReasonExplanation]] = MappingProxyType(
    {
        1: ReasonExplanation("the receiver sent an interim answer only", _RECEIVER),
        2: ReasonExplanation("the receiver accepted the webhook", ""),
        3: ReasonExplanation(
            "the receiver redirects, which Plaudit does not follow",
            "use the final URL: plaudit endpoints update ENDPOINT --url URL",
        ),
        4: ReasonExplanation("the receiver refused the request", _RECEIVER),
        5: ReasonExplanation("the receiver's server failed", _RECEIVER),
    }
)


def explain(reason: str | None, status: int | None = None) -> ReasonExplanation | None:
    """Return the explanation of an attempt or a dead letter; None if there is not one.

    Args:
        reason: reason code, if any.
        status: HTTP status of the latest answer, if any.
    """
    if reason in {None, "status"} and status is not None:
        return _STATUSES.get(status) or _CLASSES.get(status // 100)
    return None if reason is None else REASONS.get(reason)
