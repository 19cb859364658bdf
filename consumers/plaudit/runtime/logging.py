"""Logs of long-running commands, on standard output: JSON for machines, text on a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO, Final, Literal

import orjson
from pydantic import Field

from plaudit.kafka.base_settings import EnvSettings
from plaudit.kafka.clients import LOG as LIBRDKAFKA_LOG
from plaudit.logs.logger import event_logger
from plaudit.runtime.build import build

# `color_message` is uvicorn's: its message once more, with terminal escapes.
STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "taskName",
    "color_message",
}
_CHATTY: Final = ("alembic", "httpcore", "httpx", "uvicorn")
"""Libraries whose info lines (a migration's plugins, each request) do not help operators."""

_PLAIN: Final = logging.Formatter()

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


class JsonLines(logging.Handler):
    """Writes log records as lines of JSON.

    structlog could do it. But it loads rich, pygments and attrs, 5 MiB of every worker.

    Args:
        output: gets the lines.
        worker: name of this process, in every line; None: no line has one.
    """

    def __init__(self, output: BinaryIO, worker: str | None = None) -> None:
        super().__init__()
        self._output = output
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its extra fields."""
        line: dict[str, object] = {"logger": record.name}
        if self._worker is not None:
            line["worker"] = self._worker
        line.update((name, value) for name, value in vars(record).items() if name not in STANDARD)
        line["event"] = record.getMessage()
        line["level"] = record.levelname.lower()
        line["timestamp"] = datetime.fromtimestamp(record.created, UTC)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _PLAIN.formatException(record.exc_info)
        self.write(orjson.dumps(line, default=repr, option=orjson.OPT_UTC_Z))

    def write(self, line: bytes) -> None:
        """Write one line; any thread may."""
        self._output.write(line + b"\n")
        self._output.flush()


def configure_logs(worker: str | None = None) -> None:
    """Send all logs to standard output; log the build first.

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
    root = logging.getLogger()
    root.handlers[:] = [_text(worker) if in_text else JsonLines(sys.stdout.buffer, worker)]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(level if level <= logging.DEBUG else logging.WARNING)
    # Our clients log a failure once; librdkafka would log it at every attempt.
    LIBRDKAFKA_LOG.setLevel(logging.CRITICAL)
    _log.info("process.started", extra=build()._asdict())


def json_writer() -> Callable[[bytes], None] | None:
    """Return a function that writes a line of JSON to the log's output; None if lines are text."""
    handlers = logging.getLogger().handlers
    return next((each.write for each in handlers if isinstance(each, JsonLines)), None)


def _text(worker: str | None) -> logging.Handler:
    from plaudit.runtime.text_logs import text_handler  # noqa: PLC0415 - it loads rich

    return text_handler(worker, STANDARD)
