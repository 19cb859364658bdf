"""What a client's connections suffer from: "timed out" says nothing, a wrong password does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from plaudit.kafka.errors import KafkaFailure, KafkaUnavailable, NotAuthorized, denied, translate

Answer = TypeVar("Answer")

_SLICE_S: Final = 1.0
"""How long a call runs before the client is asked what its connections died of."""


class ConnectionErrors:
    """Hears what becomes of a client's connections.

    librdkafka connects again whatever ended a connection, so the requests of a user whose password
    is wrong just time out. Why, the client tells apart from them.

    Attributes:
        reason: why a connection ended last; empty while none did.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._code = ""

    def heard(self, error: KafkaError) -> None:
        """Take in an error; meant to be a client's `error_cb`."""
        if error.name() != "_ALL_BROKERS_DOWN":  # the line before said what each one died of
            self.reason, self._code = error.str(), error.name()

    def over(self) -> None:
        """Take note that the brokers answer."""
        self.reason = self._code = ""

    def refusal(self, doing: str) -> NotAuthorized | None:
        """Return that the brokers don't let this user in, if that is what was heard."""
        found = NotAuthorized(doing, self.reason, self._code)
        return found if denied(found) else None

    def explained(self, failure: KafkaFailure) -> KafkaFailure:
        """Return a failure with what is behind it: what looks like absence may be a refusal."""
        if not isinstance(failure, KafkaUnavailable) or not self.reason:
            return failure
        refusal = self.refusal(failure.doing)
        if refusal is not None:
            return refusal
        failure.reason = "; ".join(filter(None, (failure.reason, self.reason)))
        return failure


def answered(
    ask: Callable[[float], Answer],
    doing: str,
    timeout_s: float,
    troubles: ConnectionErrors,
    serve: Callable[[], object],
) -> Answer:
    """Ask the brokers, for no longer than they may still let this user in.

    Args:
        ask: takes a time-out in seconds.
        doing: what is tried, in words that complete "could not …".
        timeout_s: altogether.
        troubles: of the client that asks.
        serve: has that client call its callbacks, and waits a moment.

    Raises:
        KafkaFailure: they are away, or refuse.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return ask(min(_SLICE_S, timeout_s))
        except KafkaException as error:
            serve()
            failure = troubles.explained(translate(error, doing))
            if not isinstance(failure, KafkaUnavailable) or time.monotonic() > deadline:
                raise failure from None
