"""Kinds of endpoints on a platform, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lab.scenario import FOREVER, GONE, Behavior

Role = Literal["ordinary", "first outage", "second outage", "rejecting", "gone"]
TAIL: Final = 0.5
"""Of a lognormal distribution: p99 is three times the median."""
DOWN: Final = Behavior(after_s=0.05, spread=TAIL, fails=FOREVER, failure=503)
SILENT: Final = Behavior(fails=FOREVER, failure="hang")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of endpoint.

    Attributes:
        weight: its share of the endpoints, in percent; 0: assigned explicitly.
        innocent: whether it is healthy and not flooded, so that late deliveries have no excuse.
        reasons: allowed reasons of its dead letters.
    """

    name: str
    behavior: Behavior
    weight: float = 0.0
    innocent: bool = False
    role: Role = "ordinary"
    reasons: frozenset[str] = frozenset()


def _answers(median_s: float) -> Behavior:
    return Behavior(after_s=median_s, spread=TAIL)


LIMITED: Final = Behavior(after_s=0.1, spread=TAIL, per_s=50.0, failure=429, retry_after_s=2)
FLOODED: Final = Kind("flooded, 100 ms", _answers(0.1))
FLOODED_LIMIT: Final = Kind("flooded, 50/s by 429", LIMITED)
BESIDE: Final = Kind("beside a flood", _answers(0.1), innocent=True)
WIDE: Final = Kind("wide workspace", _answers(0.1))
KINDS: Final = (
    Kind("1 ms", _answers(0.001), 10, innocent=True),
    Kind("100 ms", _answers(0.1), 38, innocent=True),
    Kind("200 ms", _answers(0.2), 20, innocent=True),
    Kind("500 ms", _answers(0.5), 11, innocent=True),
    Kind("2 s", _answers(2.0), 3),
    Kind("never answers", SILENT, 1, reasons=frozenset({"exhausted"})),
    Kind("50/s, then 429", LIMITED, 2),
    Kind(
        "2/s, then 503",
        Behavior(after_s=0.1, spread=TAIL, per_s=2.0, failure=503, retry_after_s=2),
        2,
    ),
    Kind("slows under load", Behavior(after_s=0.1, spread=TAIL, slows_at=4), 3),
    Kind("1 in 20 gets 500", Behavior(after_s=0.1, spread=TAIL, fails=1, one_in=20), 3),
    Kind("1 in 20 is reset", Behavior(after_s=0.1, fails=1, one_in=20, failure="reset"), 1),
    Kind("outage of 503", _answers(0.1), 3, role="first outage"),
    Kind("outage of silence", _answers(0.1), 3, role="second outage"),
    Kind(
        "415 until mended",
        Behavior(after_s=0.1, spread=TAIL, fails=FOREVER, failure=415),
        1,
        role="rejecting",
        reasons=frozenset({"rejected"}),
    ),
    Kind(
        "gone (410)",
        Behavior(after_s=0.1, fails=FOREVER, failure=GONE),
        0.5,
        role="gone",
        reasons=frozenset({"gone", "endpoint_disabled"}),
    ),
)
MENDED: Final = _answers(0.1)
ALL: Final = (*KINDS, WIDE, FLOODED, FLOODED_LIMIT, BESIDE)
