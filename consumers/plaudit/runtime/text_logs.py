"""Logs as text for people, rendered by structlog."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection
from functools import partial

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor


def text_handler(worker: str | None, standard: Collection[str]) -> logging.Handler:
    """Return a handler that writes to standard output.

    Args:
        worker: name of this process, in every line; None: no line has one.
        standard: attributes of a log record that are not fields of its line.
    """
    colors = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    plain = structlog.dev.plain_traceback
    render = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)
    fields: list[Processor] = [
        partial(_add_fields, worker, standard),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=fields,
        )
    )
    return handler


def _add_fields(
    worker: str | None, standard: Collection[str], _logger: object, _method: str, line: EventDict
) -> EventDict:
    """Add the extra fields of a record of the standard library."""
    record: logging.LogRecord = line["_record"]
    line.update((name, value) for name, value in vars(record).items() if name not in standard)
    if worker is not None:
        line.setdefault("worker", worker)
    return line
