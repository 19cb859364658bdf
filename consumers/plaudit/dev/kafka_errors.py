"""Errors of finding and starting a broker.

KafkaNotFound      no broker is configured, and none can be started
KafkaStartFailed   a broker was started and does not answer; contains the end of its log
"""

from __future__ import annotations

from collections.abc import Sequence


class KafkaNotFound(Exception):
    """No broker is configured, and none can be started here.

    Attributes:
        reasons: one for each attempted way, in order.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("no Kafka: " + "; ".join(self.reasons))


class KafkaStartFailed(Exception):
    """A broker was started and does not answer.

    Attributes:
        what: failed step, in one line.
        log_tail: last lines of the broker's log; may be empty.
    """

    def __init__(self, what: str, log_tail: str = "") -> None:
        self.what = what
        self.log_tail = log_tail
        super().__init__(f"{what}\n{log_tail}" if log_tail else what)
