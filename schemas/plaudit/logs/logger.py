"""Loggers that accept the names of log events and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from plaudit.logs.names import LogEvent


class EventLogger(Protocol):
    """A standard logger whose messages are log events; mypy checks the names.

    `extra` holds the fields of the line. Their values are numbers, texts, and lists of these.
    """

    def info(self, event: LogEvent, /, *, extra: Mapping[str, object] | None = None) -> None:
        """Log news."""
        ...

    def warning(self, event: LogEvent, /, *, extra: Mapping[str, object] | None = None) -> None:
        """Log a condition that may need an operator."""
        ...

    def error(
        self,
        event: LogEvent,
        /,
        *,
        exc_info: BaseException | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log a condition that needs an operator."""
        ...

    def exception(self, event: LogEvent, /, *, extra: Mapping[str, object] | None = None) -> None:
        """Log an error with the traceback of the exception in hand."""
        ...

    def critical(self, event: LogEvent, /, *, extra: Mapping[str, object] | None = None) -> None:
        """Log a condition after which the process ends."""
        ...


def event_logger(name: str) -> EventLogger:
    """Return the logger of a module.

    Args:
        name: the module's `__name__`.
    """
    return logging.getLogger(name)
