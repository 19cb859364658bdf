"""`/metrics`, `/healthz` and `/readyz` of a command that runs until it is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from plaudit.cli.output import Exit, fail
from plaudit.deliver.process.serving import HealthServer, Subject
from plaudit.deliver.settings import DeliverSettings


@contextmanager
def served(settings: DeliverSettings, subject: Subject) -> Iterator[None]:
    """Serve them while the command runs, unless the settings want none."""
    if not settings.metrics_port:
        yield
        return
    try:
        server = HealthServer(subject, settings.metrics_host, settings.metrics_port)
    except OSError as error:
        fail(
            f"PLAUDIT_METRICS_PORT: can't listen on {settings.metrics_host}:"
            f"{settings.metrics_port}: {error.strerror}; choose another port, or 0 for none",
            Exit.USAGE,
        )
    try:
        yield
    finally:
        server.close()
