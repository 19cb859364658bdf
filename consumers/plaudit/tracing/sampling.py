"""Sampling of traces, by the standard variables. Pure, and cheap for unsampled traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from plaudit.kafka.errors import SettingsError
from plaudit.records.trace_context import TraceContext
from plaudit.tracing.span import trace_id_of

SAMPLER: Final = "OTEL_TRACES_SAMPLER"
ARGUMENT: Final = "OTEL_TRACES_SAMPLER_ARG"
DEFAULT_SAMPLER: Final = "parentbased_always_on"
_BASED: Final = "parentbased_"
_KINDS: Final = ("always_on", "always_off", "traceidratio")
_RANDOM_BITS: Final = 48
"""The lower bits of an id are random: in UUIDs of versions 4 and 7, and in W3C trace ids."""


class Sampling(NamedTuple):
    """Choice of the traces that are recorded.

    Attributes:
        ratio: part of the traces, from 0 to 1.
        by_parent: a trace that came with an event is recorded if its sender recorded it.
    """

    ratio: float
    by_parent: bool

    def takes(self, context: TraceContext | None, event_id: str) -> bool:
        """Return whether the trace of an event is recorded; each process decides the same."""
        if context is None:
            return self._has(trace_id_of(event_id))
        if self.by_parent:
            return context.is_sampled
        return self._has(int(context.trace_id, 16))

    def _has(self, trace_id: int) -> bool:
        random = trace_id & ((1 << _RANDOM_BITS) - 1)
        return random < self.ratio * (1 << _RANDOM_BITS)


def sampling_of(environ: Mapping[str, str]) -> Sampling:
    """Return the sampling that the variables ask for.

    Raises:
        SettingsError: a value is not one of the standard's; the message names its variable.
    """
    name = environ.get(SAMPLER, "").strip().lower() or DEFAULT_SAMPLER
    kind = name.removeprefix(_BASED)
    if kind not in _KINDS:
        known = ", ".join((*_KINDS, *(_BASED + each for each in _KINDS)))
        raise SettingsError(SAMPLER, f"{name!r} is not one of {known}")
    ratio = 0.0 if kind == "always_off" else 1.0
    if kind == "traceidratio":
        ratio = _ratio(environ.get(ARGUMENT, "").strip())
    return Sampling(ratio, by_parent=name.startswith(_BASED))


def _ratio(text: str) -> float:
    """Return a ratio; 1 if none is given, as in the standard.

    Raises:
        SettingsError: it is not a number from 0 to 1.
    """
    try:
        ratio = float(text or 1)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise SettingsError(ARGUMENT, f"{text!r} is not a number from 0 to 1, such as 0.01")
    return ratio
