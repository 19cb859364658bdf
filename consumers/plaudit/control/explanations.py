"""Explanations of errors: what happened and what to do, by reason code and by status.

The console, the command line and the documentation share this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Explanation:
    """An explanation.

    Attributes:
        what: what happened, as a clause without a full stop.
        remedy: what to do, as sentences.
    """

    what: str
    remedy: str


BY_STATUS: Final[Mapping[int, Explanation]] = {
    400: Explanation(
        "the endpoint did not understand the request",
        "Compare its code with the example in the event catalogue.",
    ),
    401: Explanation(
        "the endpoint refused the signature or its own credentials",
        "Check the secret there, or rotate it, and check the endpoint's headers.",
    ),
    403: Explanation(
        "the endpoint or a firewall in front of it refused the request",
        "Allow the addresses of the workers there.",
    ),
    404: Explanation(
        "the webhook's address no longer exists",
        "Ask the customer for a new address.",
    ),
    405: Explanation(
        "the address does not take POST requests", "Ask the customer for the webhook's address."
    ),
    408: Explanation(
        "the endpoint gave up waiting", "It is slow; the delivery is retried by itself."
    ),
    410: Explanation(
        "the endpoint says that it is gone for good",
        "Ask the customer for a new address, then enable the endpoint.",
    ),
    413: Explanation(
        "the endpoint refuses a body of this size", "Ask the customer to raise the limit."
    ),
    415: Explanation(
        "the endpoint refuses this content type", "Choose another format for the endpoint."
    ),
    422: Explanation(
        "the endpoint refuses the content of the event",
        "Read its answer: it often names the field.",
    ),
    429: Explanation("the endpoint asks for fewer requests", "Set a rate limit for the endpoint."),
    500: Explanation("the endpoint's own code failed", "Send the answer below to the customer."),
    502: Explanation(
        "a proxy found no server behind it", "The customer's service is down or restarting."
    ),
    503: Explanation(
        "the endpoint is overloaded or under maintenance",
        "Nothing to do: it is retried. A rate limit helps when it happens often.",
    ),
    504: Explanation(
        "a proxy waited too long for the server behind it",
        "The endpoint should answer first and work later.",
    ),
}
_BY_CLASS: Final[Mapping[int, Explanation]] = {
    3: Explanation(
        "the endpoint answered with a redirect, which is never followed",
        "Enter the address that it redirects to.",
    ),
    4: Explanation("the endpoint refused the request", "Read its answer below."),
    5: Explanation("the endpoint failed", "It is retried by itself. Read its answer below."),
}
BY_REASON: Final[Mapping[str, Explanation]] = {
    "gone": BY_STATUS[410],
    "rejected": Explanation(
        "the endpoint refused the body, and would refuse it again",
        "Read its answer below; correct the endpoint, then send again.",
    ),
    "exhausted": Explanation(
        "every attempt of the schedule failed", "When the endpoint works again, send it again."
    ),
    "expired": Explanation(
        "the delivery was too old when its turn came",
        "Send it again if the customer still wants it.",
    ),
    "address_refused": Explanation(
        "the address is private, and this installation sends to public addresses only",
        "Enter a public address, or allow the network in PLAUDIT_ALLOW_NETWORKS.",
    ),
    "request_invalid": Explanation(
        "the request could not be built", "Check the endpoint's address and headers."
    ),
    "endpoint_disabled": Explanation(
        "the endpoint is disabled", "Enable it, then send again what it missed."
    ),
    "endpoint_deleted": Explanation(
        "the endpoint was deleted", "Create it again if the customer still wants the event."
    ),
    "endpoint_unknown": Explanation(
        "the worker does not know the endpoint", "Run `plaudit endpoints sync`."
    ),
    "endpoint_behind": Explanation(
        "the worker waits for a newer version of the endpoint",
        "It is retried by itself within seconds.",
    ),
    "endpoint_unreadable": Explanation(
        "the worker can't decrypt the endpoint", "Check PLAUDIT_SECRET_KEY of the workers."
    ),
    "wrong_workspace": Explanation(
        "the event belongs to another workspace than the endpoint",
        "This is a defect of the publisher; tell its owner.",
    ),
    "not_before": Explanation(
        "the endpoint asked to be called later", "It is sent when that time has come."
    ),
    "rate_limit": Explanation(
        "the endpoint's rate limit has no room", "It is sent when its turn comes."
    ),
    "backlog": Explanation("many deliveries wait for this endpoint", "They are sent in turn."),
    "circuit_open": Explanation(
        "the endpoint failed repeatedly, and only probes are sent to it",
        "It is retried by itself. The first success sends the rest.",
    ),
    "slow": Explanation(
        "the endpoint answers slowly, and its deliveries wait apart from others",
        "The endpoint should answer first and work later.",
    ),
    "throttled": Explanation(
        "the endpoint asked for fewer requests", "It is sent when its turn comes."
    ),
    "rebalance": Explanation(
        "workers joined or left", "It is sent by the next worker, within seconds."
    ),
    "relief": Explanation(
        "other deliveries waited behind this one", "It is retried by itself within seconds."
    ),
    "look_ups": Explanation(
        "too many address look-ups were under way", "It is retried by itself within seconds."
    ),
    "write_refused": Explanation(
        "the brokers refused the record", "Compare `message.max.bytes` of the topics."
    ),
    "defect": Explanation(
        "Plaudit has a defect", "Report it with the error below; then send it again."
    ),
    "dns": Explanation("the host name does not exist", "Ask the customer to check the address."),
    "dns_timeout": Explanation("the name server did not answer", "It is retried by itself."),
    "connect": Explanation(
        "nothing listens at the address", "The customer's service is down, or a firewall refuses."
    ),
    "connect_timeout": Explanation(
        "the server did not take the connection", "A firewall may drop it; ask the customer."
    ),
    "proxy": Explanation("the proxy refused the connection", "Check the proxy of the workers."),
    "tls": Explanation(
        "the certificate of the endpoint is not valid", "Ask the customer to renew it."
    ),
    "tls_timeout": Explanation(
        "the encrypted connection was not made in time", "It is retried by itself."
    ),
    "write": Explanation(
        "the connection broke while the request was sent", "It is retried by itself."
    ),
    "write_timeout": Explanation(
        "the endpoint did not take the request in time", "It is retried by itself."
    ),
    "first_byte_timeout": Explanation(
        "the endpoint did not answer in time",
        "The endpoint should answer first and work later.",
    ),
    "connection_lost": Explanation(
        "the endpoint closed the connection without an answer", "It is retried by itself."
    ),
    "answer_malformed": Explanation(
        "the answer is not HTTP", "Ask the customer whether the address is right."
    ),
    "total_timeout": Explanation(
        "the endpoint took too long in all", "The endpoint should answer first and work later."
    ),
}
UNKNOWN: Final = Explanation("the attempt failed", "Read the error below.")


def explain(reason: str | None, status: int | None = None) -> Explanation:
    """Return the explanation of a reason code and of the status of the answer."""
    told = BY_REASON.get(reason or "")
    if told is not None and (status is None or reason != "exhausted"):
        return told
    if status is not None:
        answered = BY_STATUS.get(status) or _BY_CLASS.get(status // 100)
        if answered is not None:
            return answered
    return told or UNKNOWN
