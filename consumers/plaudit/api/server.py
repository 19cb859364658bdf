"""HTTP server of the API: uvicorn with connection limits."""

from __future__ import annotations

import logging
import resource
import socket
from typing import Final

import uvicorn
from fastapi import FastAPI

from plaudit.api.connections import Limits, limited
from plaudit.api.settings import ApiSettings
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

SPARE_FILES: Final = 200
"""File descriptors reserved for the database, the brokers and test sends."""
_NOISE: Final = ("Invalid HTTP request", "Unsupported upgrade request")


def make_server(app: FastAPI, settings: ApiSettings) -> uvicorn.Server:
    """Return the server for an application."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Many shells limit the number of open files to 1,024.
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    most = settings.api_max_connections
    if files != resource.RLIM_INFINITY:
        most = max(16, min(most, files - SPARE_FILES))
    limits = Limits(settings.api_head_timeout, settings.api_body_timeout, most)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return _Server(
        uvicorn.Config(
            app,
            host=settings.api_host,
            port=settings.api_port,
            http=limited(limits),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
        )
    )


class _Server(uvicorn.Server):
    """Server that logs its address in our format."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            at = {"host": self.config.host, "port": self.config.port}
            _log.info("api.started", extra=at)


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether to log a line; clients can cause the other lines at will."""
    return not str(record.msg).startswith(_NOISE)
