"""Connection errors of a client: the reason for time-outs, such as a wrong password."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from plaudit.kafka.errors import KafkaFailure, KafkaUnavailable, NotAuthorized, denied, translate

Answer = TypeVar("Answer")

_SLICE_S: Final = 1.0
"""Seconds that a call runs before the client's connection errors are checked."""


class ConnectionErrors:
    """Tracks the state of a client's connections.

    librdkafka reconnects after any error, so requests of a user with a wrong password just time
    out. The client reports the cause separately.

    Attributes:
        reason: error that last closed a connection; empty while no error occurred.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._code = ""

    def note_error(self, error: KafkaError) -> None:
        """Record an error; use it as a client's `error_cb`."""
        if error.name() != "_ALL_BROKERS_DOWN":  # the preceding error is the cause
            self.reason, self._code = error.str(), error.name()

    def note_response(self) -> None:
        """Record that the brokers respond."""
        self.reason = self._code = ""

    def refusal(self, doing: str) -> NotAuthorized | None:
        """Return the authentication error, if one was reported."""
        found = NotAuthorized(doing, self.reason, self._code)
        return found if denied(found) else None

    def explained(self, failure: KafkaFailure) -> KafkaFailure:
        """Add the last connection error to a failure.

        A time-out caused by a rejected login becomes NotAuthorized.
        """
        if not isinstance(failure, KafkaUnavailable) or not self.reason:
            return failure
        refusal = self.refusal(failure.doing)
        if refusal is not None:
            return refusal
        failure.reason = "; ".join(filter(None, (failure.reason, self.reason)))
        return failure


def call_until(
    ask: Callable[[float], Answer],
    doing: str,
    timeout_s: float,
    connection_errors: ConnectionErrors,
    serve: Callable[[], object],
) -> Answer:
    """Call the brokers until the deadline, but fail at once when authentication is rejected.

    Args:
        ask: call that takes a time-out in seconds.
        doing: action for the message, completing "could not …".
        timeout_s: time limit for all attempts together.
        connection_errors: connection errors of the client.
        serve: lets the client run its callbacks, and waits a moment.

    Raises:
        KafkaFailure: the brokers are unavailable, or refuse.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return ask(min(_SLICE_S, timeout_s))
        except KafkaException as error:
            serve()
            failure = connection_errors.explained(translate(error, doing))
            if not isinstance(failure, KafkaUnavailable) or time.monotonic() > deadline:
                raise failure from None
