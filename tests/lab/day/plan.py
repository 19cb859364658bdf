"""The course of a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from lab.day.kinds import DOWN, MENDED, SILENT, Role
from lab.day.shape import Shape, Tenant
from lab.scenario import Behavior, Crew, Fault, Join, StartBrokers, StopBroker

CREW: Final = Crew(environment={"PLAUDIT_LOG_ATTEMPTS": "all"})
"""As it is by default; the other scenarios of the laboratory log none."""


@dataclass(frozen=True, slots=True)
class Flood:
    """A burst of deliveries.

    Attributes:
        tenant: whose; None: everyone's.
    """

    deliveries: int
    tenant: Tenant | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Changes the answers of endpoints with a role; None: back to those of their kind."""

    role: Role
    behavior: Behavior | None


@dataclass(frozen=True, slots=True)
class Redrive:
    """Redrives the dead letters with a reason."""

    reason: str


Action: TypeAlias = "Flood | Change | Redrive | Fault"


@dataclass(frozen=True, slots=True)
class Step:
    """An incident of the day.

    Attributes:
        at: its time, as a fraction of the day.
        name: name of the phase that it begins in the report.
    """

    at: float
    name: str
    action: Action


BROKER_AWAY: Final = 0.01
"""Of a day; 36 s of an hour."""


def plan(shape: Shape, brokers: int) -> tuple[Step, ...]:
    """Return all incidents, in order."""
    burst = shape.size.burst
    return (
        Step(0.10, "flood of a 100 ms endpoint", Flood(burst, shape.flooded)),
        Step(0.16, "flood of a limited endpoint", Flood(burst, shape.limited)),
        Step(0.22, "outage of 503", Change("first outage", DOWN)),
        Step(0.32, "after the outage of 503", Change("first outage", None)),
        Step(0.38, "burst of every tenant", Flood(burst)),
        *_roll(brokers),
        Step(0.58, "scale-out", Join(CREW)),
        Step(0.64, "burst of the wide workspace", Flood(burst, shape.wide)),
        Step(0.70, "outage of silence", Change("second outage", SILENT)),
        Step(0.78, "after the outage of silence", Change("second outage", None)),
        Step(0.84, "receivers mended", Change("rejecting", MENDED)),
        Step(0.86, "redrive", Redrive("rejected")),
        Step(0.92, "second burst of every tenant", Flood(burst)),
    )


def _roll(brokers: int) -> tuple[Step, ...]:
    """Return stops and starts of the brokers, one broker after the other."""
    steps: list[Step] = []
    for number in range(brokers):
        at = 0.45 + number * 0.04
        steps.append(Step(at, f"broker {number + 1} is stopped", StopBroker(number + 1)))
        back = Step(at + BROKER_AWAY, f"broker {number + 1} is started", StartBrokers())
        steps.append(back)
    return tuple(steps)
