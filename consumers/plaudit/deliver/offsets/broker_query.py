"""Retry of a query until the brokers answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from plaudit.kafka.errors import KafkaFailure
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger

_log = event_logger(__name__)

_T = TypeVar("_T")


def ask_until_answered(ask: Callable[[], _T], wait: Callable[[], bool]) -> _T:
    """Return what the brokers answer; while they don't, log why, once.

    Args:
        ask: query; raises KafkaFailure without an answer.
        wait: waits a moment; returns False when the answer is not needed any more.

    Raises:
        KafkaFailure: asking again can't help, or the answer is not needed any more.
    """
    once = OnceLogger(_log)
    while True:
        try:
            return ask()
        except KafkaFailure as failure:
            if not failure.retriable or not wait():
                raise
            once.failed("source.unavailable", failure)
