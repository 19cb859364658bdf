"""Logs of long-running commands, on standard output: JSON for machines, text on a terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, Final, Literal

import orjson
import structlog
from pydantic import Field

from plaudit.kafka.base_settings import EnvSettings
from plaudit.kafka.clients import LOG as LIBRDKAFKA_LOG
from plaudit.logs.logger import event_logger
from plaudit.runtime.build import build

# `color_message` is uvicorn's: its message once more, with terminal escapes.
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "taskName",
    "color_message",
}
_CHATTY: Final = ("alembic", "httpcore", "httpx", "uvicorn")
"""Libraries whose info lines (a migration's plugins, each request) do not help operators."""

_log = event_logger(__name__)


class LogSettings(EnvSettings):
    """Settings of logs: which lines, and in which form.

    Raises:
        SettingsError: a value can't be used; names its variable.
    """

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe lines that are logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="One JSON object a line, or text; `auto`: text on a terminal, else JSON.",
    )


def configure_logs(worker: str | None = None) -> None:
    """Send structlog's and the standard library's logs the same way; log the build first.

    Args:
        worker: name of this process, in every line.

    Raises:
        SettingsError: a setting can't be used.
    """
    settings = LogSettings()
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    in_text = settings.log_format == "text" or (
        settings.log_format == "auto" and sys.stdout.isatty()
    )
    structlog.configure(
        processors=[
            partial(_with_worker, worker),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_text() if in_text else _json()),
        ],
        logger_factory=structlog.PrintLoggerFactory()
        if in_text
        else structlog.BytesLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(level if level <= logging.DEBUG else logging.WARNING)
    # Our clients log a failure once; librdkafka would log it at every attempt.
    LIBRDKAFKA_LOG.setLevel(logging.CRITICAL)
    _log.info("process.started", extra=build()._asdict())


def json_writer() -> Callable[[bytes], None] | None:
    """Return a function that writes a line of JSON to the log's output; None if lines are text."""
    factory = structlog.get_config()["logger_factory"]
    return factory().msg if isinstance(factory, structlog.BytesLoggerFactory) else None


def _text() -> list[structlog.typing.Processor]:
    colors = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _json() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=orjson.dumps),
    ]


def _with_worker(
    worker: str | None, _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if worker is not None:
        line.setdefault("worker", worker)
    return line


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
