"""Writer of spans, opened if the environment configures tracing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NamedTuple, Protocol

from plaudit.logs.logger import event_logger
from plaudit.tracing.environment import is_configured
from plaudit.tracing.sampling import Sampling, sampling_of
from plaudit.tracing.span import FinishedSpan

_log = event_logger(__name__)


class SpanWriter(Protocol):
    """Receives finished spans; never blocks, never raises."""

    def write(self, span: FinishedSpan) -> None:
        """Queue a span; drop it if the queue is full."""
        ...

    def close(self) -> None:
        """Export the queued spans, for a few seconds at most."""
        ...


class Tracing(NamedTuple):
    """Tracing of one process.

    Attributes:
        writer: receives its spans.
        sampling: chooses the traces that are recorded.
    """

    writer: SpanWriter
    sampling: Sampling


def open_tracing(service: str, environ: Mapping[str, str] = os.environ) -> Tracing | None:
    """Return the tracing of a process; None if the environment does not configure it.

    Args:
        service: name of the process's role, for `service.name`.
        environ: the standard `OTEL_*` variables.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """
    if not is_configured(environ):
        return None
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        _log.warning("tracing.unavailable", extra={"reason": "pip install 'plaudit[tracing]'"})
        return None
    # Imported only when needed: the SDK takes a tenth of a second.
    from plaudit.tracing.otel import open_writer  # noqa: PLC0415 - see above

    return Tracing(open_writer(service, environ), sampling_of(environ))


@contextmanager
def closed(tracing: Tracing | None) -> Iterator[None]:
    """Export the queued spans when the block ends."""
    try:
        yield
    finally:
        if tracing is not None:
            tracing.writer.close()
