"""Logs of long-running commands: one JSON object a line on standard output."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import orjson
import structlog

from plaudit.kafka.clients import LOG as LIBRDKAFKA_LOG

# `color_message` is uvicorn's: its message once more, with terminal escapes.
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "taskName",
    "color_message",
}


def configure_logs() -> None:
    """Send structlog's and the standard library's logs the same way; colored on a terminal."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if sys.stdout.isatty():
        structlog.configure(
            processors=[*shared, structlog.dev.ConsoleRenderer()],
            logger_factory=structlog.PrintLoggerFactory(),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[*shared, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
            logger_factory=structlog.BytesLoggerFactory(),
            cache_logger_on_first_use=True,
        )
    root = logging.getLogger()
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(logging.INFO)
    # Our clients say once what they suffer from; librdkafka would say it at every attempt.
    LIBRDKAFKA_LOG.setLevel(logging.CRITICAL)


class _ToStructlog(logging.Handler):
    """Passes records of the standard library on, with their extra fields."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: MutableMapping[str, Any] = {
            name: value for name, value in vars(record).items() if name not in _STANDARD
        }
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        logger = structlog.get_logger(record.name)
        logger.log(record.levelno, record.getMessage(), logger=record.name, **fields)
