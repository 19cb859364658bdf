"""What deliveries are made with; shared by the lanes."""

from __future__ import annotations

from dataclasses import dataclass, field

from plaudit.deliver.isolation.known import Standings
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import (
    Plan,
)
from plaudit.deliver.offsets.pulse import Pulse
from plaudit.deliver.pipeline.attempt import Attempter
from plaudit.deliver.settle.settler import Settler
from plaudit.deliver.telemetry.attempt_log import AttemptLogger


@dataclass(frozen=True, slots=True)
class PipelineContext:
    """What deliveries are made with; shared by the lanes.

    Attributes:
        stopped: endpoints that answered 410, with the version that did: nothing is sent to them
            until their next version.
        flood_share: of a partition's records in a minute that may be buried.
        schema_wait_s: how long a partition waits for schemas that are not known.
        pulse: how late the event loop is.
        known: of endpoints.
    """

    attempter: Attempter
    settler: Settler
    reporter: AttemptLogger
    plan: Plan
    limits: AdmissionLimits
    stopped: dict[str, int] = field(default_factory=dict)
    flood_share: float = 1.0
    schema_wait_s: float = 300.0
    pulse: Pulse = field(default_factory=Pulse)
    known: Standings = field(default_factory=Standings)
