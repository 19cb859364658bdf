"""Logging of a failure that is repeated: once, until it changes."""

from __future__ import annotations

import logging


class OnceLogger:
    """Logs a failure when it begins and when it changes, not at every repetition.

    Args:
        log: where to.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._kind: str | None = None

    def failed(self, event: str, error: Exception, *, kind: str = "", **fields: object) -> None:
        """Log a failure as a warning, unless the last one was of its kind.

        Args:
            event: name of the line in the log.
            error: what went wrong.
            kind: what makes it another failure; by default its text.
            fields: stand beside the error.
        """
        if (kind := kind or str(error)) != self._kind:
            self._kind = kind
            self._log.warning(event, extra={**fields, "error": str(error)})

    def recovered(self) -> None:
        """Log the next failure in any case."""
        self._kind = None
