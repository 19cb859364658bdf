"""Table of explanations: for each reason code and HTTP status, what happened and what to do.

The command line, the API, the console and the reference show these texts. Tests compare the table
with the codes that the pipeline can write.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class ReasonExplanation(NamedTuple):
    """Explanation of a reason.

    Attributes:
        what: what happened, as a clause.
        action: what to do, as clauses; empty if there is nothing to do.
    """

    what: str
    action: str

    @property
    def line(self) -> str:
        """The two clauses, for one line of text."""
        return f"{self.what}; {self.action}" if self.action else self.what

    @property
    def remedy(self) -> str:
        """The action as a sentence; empty if there is nothing to do."""
        return f"{self.action[0].upper()}{self.action[1:]}." if self.action else ""


_ENABLE: Final = "enable it, then send what it missed (plaudit endpoints enable ID --recover)"
_CORRECT: Final = "correct the endpoint's address or headers, then redrive"
_FOREIGN: Final = "find the program that wrote it; export the dead letter, then purge it"
_REDEPLOY: Final = "deploy a release that reads it, then redrive it as an event"
_OWNER: Final = "it is retried; if it keeps failing, ask the customer to check the server"
_LATER: Final = "ask the customer to answer first and process the event afterwards"
_RETRIED: Final = "it is retried within seconds"
_IN_TURN: Final = "it is sent when its turn comes"

DEAD_DELIVERIES: Final[Mapping[str, ReasonExplanation]] = MappingProxyType(
    {
        "exhausted": ReasonExplanation(
            "every attempt of the schedule failed", "when the endpoint works again, send it again"
        ),
        "expired": ReasonExplanation(
            "it waited too long behind a rate limit, an open circuit or a long Retry-After",
            "raise the endpoint's rate limit or add workers, then redrive",
        ),
        "gone": ReasonExplanation(
            "the endpoint answered 410 Gone: its owner unsubscribed",
            "ask the customer for a new address, then enable the endpoint; or purge it",
        ),
        "rejected": ReasonExplanation(
            "the endpoint refused this body, and would refuse it again",
            "correct the endpoint (size, content type), then redrive",
        ),
        "endpoint_disabled": ReasonExplanation("the endpoint is disabled", _ENABLE),
        "address_refused": ReasonExplanation(
            "the address is private or not https, and this installation does not send there",
            "enter a public https address, or allow the network in PLAUDIT_ALLOW_NETWORKS",
        ),
        "request_invalid": ReasonExplanation(
            "the address or a header can't be written as an HTTP request", _CORRECT
        ),
        "wrong_workspace": ReasonExplanation(
            "the delivery belongs to an endpoint of another workspace", _FOREIGN
        ),
        "write_refused": ReasonExplanation(
            "the brokers refused its next record, mostly for its size",
            "run `plaudit topics check`, then send the event again with `plaudit replay`",
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
            "run `plaudit schemas register` with the release that wrote it, then redrive",
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
        "status": ReasonExplanation("the endpoint did not answer 2xx", _OWNER),
        "endpoint_deleted": ReasonExplanation(
            "the endpoint was deleted", "create it again if the customer still wants the event"
        ),
        "endpoint_unknown": ReasonExplanation(
            "the worker has not read the endpoint yet",
            "if it stays so, run `plaudit endpoints sync`",
        ),
        "endpoint_behind": ReasonExplanation(
            "the worker waits for a newer version of the endpoint",
            "if it stays so, run `plaudit endpoints sync`",
        ),
        "not_wanted": ReasonExplanation(
            "the endpoint's filter raised an exception at first, and refused the event then",
            "nothing; the log's delivery.defect lines have the exception",
        ),
        "endpoint_unreadable": ReasonExplanation(
            "the worker can't decrypt the endpoint", "check PLAUDIT_SECRET_KEY of the workers"
        ),
        "not_before": ReasonExplanation(
            "the endpoint asked to be called later (Retry-After)",
            "it is sent when that time has come",
        ),
        "rate_limit": ReasonExplanation(
            "the endpoint's rate limit is reached", "raise it if the endpoint takes more"
        ),
        "backlog": ReasonExplanation("many deliveries wait for this endpoint", _IN_TURN),
        "circuit_open": ReasonExplanation(
            "the endpoint failed repeatedly, so only probes are sent to it",
            "the first success sends the rest; ask the customer to check the server",
        ),
        "slow": ReasonExplanation(
            "the endpoint answers slowly, so its deliveries wait apart from others", _LATER
        ),
        "throttled": ReasonExplanation("the endpoint asked for fewer requests", _IN_TURN),
        "rebalance": ReasonExplanation("its partition moved to another worker", _RETRIED),
        "relief": ReasonExplanation(
            "it was moved aside so that its partition can advance", _RETRIED
        ),
        "look_ups": ReasonExplanation("too many name look-ups are in progress", _RETRIED),
    }
)
"""Reasons for which a delivery waits, or was not attempted."""

TRANSPORT: Final[Mapping[str, ReasonExplanation]] = MappingProxyType(
    {
        "transport": ReasonExplanation("the exchange failed", _OWNER),
        "request_invalid": DEAD_DELIVERIES["request_invalid"],
        "address_refused": DEAD_DELIVERIES["address_refused"],
        "look_ups_busy": ReasonExplanation("too many name look-ups were in progress", _RETRIED),
        "dns": ReasonExplanation(
            "the host name has no address", "ask the customer to check the host name"
        ),
        "dns_timeout": ReasonExplanation("the name look-up timed out", "check the workers' DNS"),
        "connect": ReasonExplanation(
            "no address of the host accepted a connection",
            "the server is down, or a firewall refuses; ask the customer",
        ),
        "proxy": ReasonExplanation(
            "the forward proxy refused the connection", "check the proxy of the workers"
        ),
        "connect_timeout": ReasonExplanation(
            "the host did not accept a connection in time",
            "a firewall may drop it; ask the customer",
        ),
        "tls": ReasonExplanation(
            "the TLS handshake failed", "ask the customer to check the certificate and its chain"
        ),
        "tls_timeout": ReasonExplanation("the TLS handshake timed out", _OWNER),
        "write": ReasonExplanation("the connection broke while the request was sent", _OWNER),
        "write_timeout": ReasonExplanation("the endpoint stopped reading the request", _OWNER),
        "first_byte_timeout": ReasonExplanation("the endpoint did not answer in time", _LATER),
        "connection_lost": ReasonExplanation(
            "the endpoint closed the connection before its answer was complete", _OWNER
        ),
        "answer_malformed": ReasonExplanation(
            "the answer is not valid HTTP/1.1", "ask the customer whether the address is right"
        ),
        "evicted": ReasonExplanation(
            "the request hung while other records waited for its partition, or while it moved",
            _LATER,
        ),
        "total_timeout": ReasonExplanation("the exchange took too long", _LATER),
    }
)
"""Codes of exchanges that ended without an answer."""

REASONS: Final[Mapping[str, ReasonExplanation]] = MappingProxyType(
    {**WAITING, **TRANSPORT, **DEAD_RECORDS, **DEAD_DELIVERIES}
)
"""Every reason code."""

STATUSES: Final[Mapping[int, ReasonExplanation]] = MappingProxyType(
    {
        400: ReasonExplanation(
            "the endpoint refused the request; often it verifies with another secret",
            "compare its secret, then its code with the example in the event catalogue",
        ),
        401: ReasonExplanation(
            "the endpoint refused the signature or its own credentials",
            "check the secret there, or rotate it, and check the endpoint's headers",
        ),
        403: ReasonExplanation(
            "the endpoint, or a firewall in front of it, refused the request",
            "ask the customer to allow the addresses of the workers; check the credentials",
        ),
        404: ReasonExplanation(
            "the address does not exist on the server", "ask the customer for a new address"
        ),
        405: ReasonExplanation(
            "the address does not take POST requests", "ask the customer for the right address"
        ),
        408: ReasonExplanation("the endpoint gave up waiting for the request", _OWNER),
        410: DEAD_DELIVERIES["gone"],
        413: ReasonExplanation(
            "the body is too large for the endpoint", "ask the customer to raise the limit"
        ),
        415: ReasonExplanation(
            "the endpoint does not take this content type", "choose another format for it"
        ),
        422: ReasonExplanation(
            "the endpoint refused the content of the event",
            "read its answer: it often names the field",
        ),
        429: ReasonExplanation(
            "the endpoint asks for fewer requests", "set a rate limit for the endpoint"
        ),
        500: ReasonExplanation(
            "the endpoint's own code failed",
            "it is retried; if it keeps failing, send the answer to the customer",
        ),
        502: ReasonExplanation("a proxy found no server behind it", _OWNER),
        503: ReasonExplanation(
            "the endpoint is overloaded or under maintenance",
            "it is retried; if that happens often, set a rate limit",
        ),
        504: ReasonExplanation("a proxy waited too long for the server behind it", _LATER),
    }
)
"""HTTP statuses that mean more than their class."""

STATUS_CLASSES: Final[Mapping[int, ReasonExplanation]] = MappingProxyType(
    {
        1: ReasonExplanation("the endpoint sent an interim answer only", _OWNER),
        2: ReasonExplanation("the endpoint accepted the webhook", ""),
        3: ReasonExplanation(
            "the endpoint redirects, which Plaudit does not follow",
            "enter the address that it redirects to",
        ),
        4: ReasonExplanation("the endpoint refused the request", "read its answer"),
        5: ReasonExplanation("the endpoint's server failed", _OWNER),
    }
)
"""Classes of HTTP statuses by their first digit."""

UNKNOWN: Final = ReasonExplanation("the attempt failed", "read its error")


def explain(reason: str | None, status: int | None = None) -> ReasonExplanation:
    """Return the explanation of an attempt or a dead letter; UNKNOWN if the table has none.

    Args:
        reason: reason code, if any.
        status: HTTP status of the latest answer, if any.
    """
    answered = None
    if status is not None:
        answered = STATUSES.get(status) or STATUS_CLASSES.get(status // 100)
    if reason in {None, "status"}:
        return answered or REASONS.get(reason or "", UNKNOWN)
    if reason == "exhausted" and answered is not None:
        # The latest answer says more than that all failed; it is not retried any more.
        return ReasonExplanation(answered.what, DEAD_DELIVERIES[reason].action)
    return REASONS.get(reason or "", UNKNOWN)
