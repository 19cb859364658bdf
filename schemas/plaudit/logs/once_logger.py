"""Logging of a failure that is repeated: once, until it changes."""

from __future__ import annotations

from plaudit.logs.logger import EventLogger
from plaudit.logs.names import LogEvent


class OnceLogger:
    """Logs a failure when it begins and when it changes, not at every repetition.

    Args:
        log: the module's logger.
    """

    def __init__(self, log: EventLogger) -> None:
        self._log = log
        self._kind: str | None = None

    def failed(
        self, event: LogEvent, error: Exception, *, kind: str = "", **fields: object
    ) -> None:
        """Log a failure as a warning, unless the last one was of its kind.

        Args:
            event: name of the line in the log.
            error: the failure.
            kind: distinguishes failures; by default the error's text.
            fields: stand beside the error.
        """
        if (kind := kind or str(error)) != self._kind:
            self._kind = kind
            self._log.warning(event, extra={**fields, "error": str(error)})

    def recovered(self) -> None:
        """Log the next failure in any case."""
        self._kind = None
