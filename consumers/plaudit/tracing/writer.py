"""Writer of spans, and whether the environment asks for one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final, NamedTuple, Protocol

from plaudit.logs.logger import event_logger
from plaudit.tracing.sampling import Sampling, sampling_of
from plaudit.tracing.span import FinishedSpan

_log = event_logger(__name__)

DISABLED: Final = "OTEL_SDK_DISABLED"
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class SpanWriter(Protocol):
    """Takes finished spans; never blocks, never raises."""

    def write(self, span: FinishedSpan) -> None:
        """Take a span; drop it if too many wait."""
        ...

    def close(self) -> None:
        """Export what waits, for a few seconds at most."""
        ...


class Tracing(NamedTuple):
    """Tracing of one process.

    Attributes:
        writer: takes its spans.
        sampling: chooses the traces that are recorded.
    """

    writer: SpanWriter
    sampling: Sampling


def open_tracing(service: str, environ: Mapping[str, str] = os.environ) -> Tracing | None:
    """Return the tracing of a process; None if the environment does not ask for it.

    Args:
        service: name of the process's role, for `service.name`.
        environ: the standard `OTEL_*` variables.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """
    if not is_wanted(environ):
        return None
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        _log.warning("tracing.unavailable", extra={"reason": "pip install 'plaudit[tracing]'"})
        return None
    # Only here: importing the SDK takes a tenth of a second.
    from plaudit.tracing.otel import open_writer  # noqa: PLC0415 - see above

    return Tracing(open_writer(service, environ), sampling_of(environ))


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names an exporter or where to export to."""
    if environ.get(DISABLED, "").strip().lower() == "true":
        return False
    exporter = environ.get(EXPORTER, "").strip().lower()
    return exporter != "none" and bool(exporter or any(environ.get(name) for name in ENDPOINTS))
