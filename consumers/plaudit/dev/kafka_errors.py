"""Errors on the way to a local broker.

KafkaNotFound      nothing on this machine can be, or become, a broker
KafkaStartFailed   a broker was started and did not come up; carries the end of its log
"""

from __future__ import annotations

from collections.abc import Sequence


class KafkaNotFound(Exception):
    """No broker is configured, and none can be started here.

    Attributes:
        reasons: one for each way that was tried, in that order.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("no Kafka: " + "; ".join(self.reasons))


class KafkaStartFailed(Exception):
    """A broker was started and did not come up.

    Attributes:
        what: what failed, in one line.
        log_tail: the last lines that the broker wrote; may be empty.
    """

    def __init__(self, what: str, log_tail: str = "") -> None:
        self.what = what
        self.log_tail = log_tail
        super().__init__(f"{what}\n{log_tail}" if log_tail else what)
