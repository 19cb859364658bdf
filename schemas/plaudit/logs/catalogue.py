"""Every log event with its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.logs.meaning import Meaning
from plaudit.logs.names import LogEvent
from plaudit.logs.service_events import SERVICE_EVENTS
from plaudit.logs.worker_events import WORKER_EVENTS

CATALOGUE: Final[Mapping[LogEvent, Meaning]] = dict(
    sorted({**WORKER_EVENTS, **SERVICE_EVENTS}.items())
)
