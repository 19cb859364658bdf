"""Context of a pipeline: the collaborators that lanes share, and those of each lane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from plaudit.deliver.isolation.dlq_limit import DlqLimiter
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import Dead, Reason, RetryPlan
from plaudit.deliver.model.defects import Defects
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.deliver.offsets.pulse import Pulse
from plaudit.deliver.pipeline.attempt import Attempter
from plaudit.deliver.pipeline.deduplication import SeenSteps
from plaudit.deliver.pipeline.latest_events import LatestEvents
from plaudit.deliver.pipeline.schema_wait import SchemaWait
from plaudit.deliver.pipeline.unreadable_log import UnreadableLog
from plaudit.deliver.settle.settler import Settler
from plaudit.deliver.telemetry.attempt_log import AttemptLogger
from plaudit.deliver.telemetry.counters import LaneCounters
from plaudit.deliver.telemetry.delivery_spans import DeliverySpans
from plaudit.endpoints.model import Endpoint
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import EventDecoder, SchemaLookup


@dataclass(frozen=True, slots=True)
class PipelineContext:
    """Collaborators that the lanes of a worker share.

    Attributes:
        table: the endpoints.
        table_is_current: returns whether the table is known to be complete.
        schemas: writers' schemas; None: only the built-in ones.
        stopped: versions that answered 410, by endpoint id; nothing is sent to such an endpoint
            until its next version.
        flood_share: part of a partition's records in a minute that may be unreadable.
        schema_wait_s: seconds that a partition waits for unknown schemas.
        pulse: lateness of the event loop.
        health_registry: health of the endpoints.
        spans: records spans of deliveries; None: tracing is off.
    """

    attempter: Attempter
    settler: Settler
    reporter: AttemptLogger
    plan: RetryPlan
    limits: AdmissionLimits
    table: EndpointTable
    table_is_current: Callable[[], bool]
    schemas: SchemaLookup | None = None
    stopped: dict[str, int] = field(default_factory=dict)
    flood_share: float = 1.0
    schema_wait_s: float = 300.0
    pulse: Pulse = field(default_factory=Pulse)
    health_registry: HealthRegistry = field(default_factory=HealthRegistry)
    spans: DeliverySpans | None = None


class LaneContext:
    """Collaborators of one lane; belongs to the event loop's thread.

    Args:
        shared: collaborators that lanes share.

    Attributes:
        shared: collaborators that lanes share.
        decoder: decodes events.
        counters: counts for metrics.
        limiter: pauses a partition in which most records are unreadable.
        schema_wait: limits how long a record may block its partition.
        unreadable_log: logs unreadable records.
        seen: recent steps of deliveries, to drop repetitions.
        latest: cache of decoded events, for further deliveries of the same event.
        gate: pauses the lane.
        closed: whether the worker is stopping: it ignores outcomes, and the next owner reads the
            records again.
    """

    def __init__(self, shared: PipelineContext) -> None:
        self.shared = shared
        self.decoder = EventDecoder(shared.schemas)
        self.counters = LaneCounters()
        self.limiter = DlqLimiter(shared.flood_share)
        self.schema_wait = SchemaWait(shared.schema_wait_s)
        self.unreadable_log = UnreadableLog()
        self.seen = SeenSteps()
        self.latest = LatestEvents()
        self.gate = PauseGate()
        self.closed = False

    @property
    def defects(self) -> Defects:
        """Counters and log of defects."""
        return self.shared.settler.defects

    @property
    def may_fan_out(self) -> bool:
        """Whether more deliveries of wide events may be written now."""
        return not self.closed and not self.gate.closed and self.shared.settler.fans_out

    def now_ms(self) -> int:
        """Return the brokers' time, which decides what is due, expired and signed."""
        return self.shared.settler.now_ms()

    def gone(self, endpoint: Endpoint) -> Dead | None:
        """Return the decision about an endpoint that answered 410; None: it did not."""
        if self.shared.stopped.get(endpoint.endpoint_id) != endpoint.version:
            return None
        return Dead(Reason.ENDPOINT_DISABLED, "it answered 410 a moment ago")
