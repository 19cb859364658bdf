"""`/metrics`, `/healthz` and `/readyz` of a long-running command."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from plaudit.cli.ui.output import Exit, fail
from plaudit.cli.ui.ports import cannot_listen
from plaudit.deliver.settings import ObservabilitySettings
from plaudit.logs.logger import event_logger
from plaudit.runtime.ops_server import HealthServer, Page, Subject

_log = event_logger(__name__)

MORE_PORTS: Final = 16
"""Ports tried after the default: as many processes as one machine may run."""


@contextmanager
def served(
    settings: ObservabilitySettings, subject: Subject, pages: Mapping[str, Page] | None = None
) -> Iterator[None]:
    """Serve them while the command runs, unless the settings disable them.

    If the port is the default and another process on this machine uses it, this tries the next one.
    """
    if not settings.metrics_port:
        yield
        return
    server = _bound(settings, subject, pages)
    try:
        yield
    finally:
        server.close()


def _bound(
    settings: ObservabilitySettings, subject: Subject, pages: Mapping[str, Page] | None
) -> HealthServer:
    chosen = "metrics_port" in settings.model_fields_set
    ports = range(settings.metrics_port, settings.metrics_port + (1 if chosen else MORE_PORTS))
    for port in ports:
        try:
            server = HealthServer(subject, settings.metrics_host, port, pages)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == ports[-1]:
                fail(
                    f"PLAUDIT_METRICS_PORT: {cannot_listen(error, settings.metrics_host, port)}; "
                    "choose another port, or 0 for none",
                    Exit.USAGE,
                )
        else:
            if port != settings.metrics_port:
                taken = {"port": port, "taken": settings.metrics_port}
                _log.warning("metrics.port_taken", extra=taken)
            return server
    raise AssertionError  # the last port returns or fails
