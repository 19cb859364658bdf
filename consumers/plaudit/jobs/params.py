"""Parameters of jobs, as a caller passes them and the database stores them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from plaudit.dlq.job.job import Order
from plaudit.dlq.job.rules import RedriveOptions
from plaudit.dlq.job.throttle import JobLimits
from plaudit.dlq.letters.filters import FilterOptions, LetterFilter, moment, parse
from plaudit.dlq.letters.letter import Kind
from plaudit.dlq.replay.checkpoint import DISABLED
from plaudit.dlq.replay.choice import ReplayOrder
from plaudit.events.catalogue import lookup
from plaudit.records.names import Header
from plaudit.records.times import time_text, wall_ms
from plaudit.store.jobs.job_model import LETTERS_LANE, JobKind
from plaudit.store.log.query import Query, State, StatusRange

_WORD: Final = "^[a-z_]+$"
_TYPE: Final = r"^[a-z_]+(\.[a-z_]+)*$"
Rate = Annotated[float | None, Field(ge=0.01, le=1e6, description="Per second.")]
Most = Annotated[int | None, Field(ge=1, description="Maximum number of records.")]
Time = Annotated[str | None, Field(max_length=40, description="RFC 3339, or an age such as 2h.")]
Words = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=500)]


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LetterConditions(_Params):
    """Conditions for dead letters; all of them must match."""

    endpoint_ids: Annotated[list[UUID], Field(max_length=500)] = []
    types: Words = []
    reasons: Words = []
    statuses: Words = Field(default=[], description="Such as 503, 5xx, or none for no answer.")
    ids: Annotated[list[UUID], Field(max_length=5_000)] | None = Field(
        default=None, description="Ids of deliveries or events."
    )
    since: Time = None
    until: Time = None
    error: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Text in the last error."
    )

    def options(self, workspace_id: str | None) -> FilterOptions:
        """Return the filter in text form, restricted to a workspace."""
        return FilterOptions(
            [] if workspace_id is None else [workspace_id],
            [str(each) for each in self.endpoint_ids],
            self.types,
            self.reasons,
            (),
            self.statuses,
            self.since,
            self.until,
            ids=None if self.ids is None else [str(each) for each in self.ids],
            error=self.error,
        )


class _Letters(_Params):
    letters: Kind = Field(default=Kind.DELIVERIES, description="`deliveries` or `events`.")
    filter: LetterConditions = LetterConditions()
    rate: Rate = None
    max: Most = None


class RedriveParams(_Letters):
    """Send dead letters again."""

    kind: Literal[JobKind.REDRIVE]
    to: UUID | None = Field(
        default=None, description="Send to this endpoint of the same workspace."
    )
    endpoint_rate: Rate = None
    max_redrives: int = Field(default=5, ge=1)
    keep_attempts: bool = Field(
        default=False, description="Make one attempt instead of the schedule's."
    )
    stop_after: int = Field(
        default=20, ge=0, description="Failures in a row that end it; 0: never."
    )

    def order(self, workspace_id: str | None, moved: int = 0) -> Order:
        """Return the order, less what an earlier run has moved.

        Raises:
            LetterFilterRefused: a condition is invalid.
        """
        return Order(
            self.letters,
            parse(self.filter.options(workspace_id), wall_ms()),
            RedriveOptions(not self.keep_attempts, self.max_redrives),
            None if self.to is None else str(self.to),
            JobLimits(
                self.rate, self.endpoint_rate, _left(self.max, moved), stop_after=self.stop_after
            ),
        )


class PurgeParams(_Letters):
    """Remove dead letters permanently."""

    kind: Literal[JobKind.PURGE]
    all: bool = Field(default=False, description="Needed to purge without any condition.")

    def order(self, workspace_id: str | None, moved: int = 0) -> Order:
        """Return the order, less what an earlier run has moved.

        Raises:
            LetterFilterRefused: a condition is invalid.
        """
        limits = JobLimits(rate=self.rate, most=_left(self.max, moved))
        found = parse(self.filter.options(workspace_id), wall_ms())
        return Order(self.letters, found, limits=limits)


class ReplayParams(_Params):
    """Send events of a time range to one endpoint again."""

    kind: Literal[JobKind.REPLAY]
    endpoint_id: UUID
    since: str = Field(
        max_length=40,
        description="RFC 3339, an age such as 2h, or `disabled`: when it was disabled.",
    )
    until: Time = None
    types: Words = []
    spaces: Annotated[list[UUID], Field(max_length=500)] = []
    rate: Rate = None
    max: Most = None
    again: bool = Field(
        default=False, description="Replay even if the same events were replayed before."
    )
    stop_after: int = Field(
        default=20, ge=0, description="Failures in a row that end it; 0: never."
    )

    def order(self, *, again: bool) -> ReplayOrder:
        """Return the order.

        Raises:
            LookupError: an event type does not exist.
        """
        return ReplayOrder(
            str(self.endpoint_id),
            self.since,
            self.until,
            frozenset(lookup(name).name for name in self.types),
            frozenset(str(each) for each in self.spaces),
            JobLimits(rate=self.rate, most=self.max, stop_after=self.stop_after),
            again,
        )


class RecoveryParams(_Params):
    """Send what an endpoint missed: its dead letters, and events from while it was disabled."""

    kind: Literal[JobKind.RECOVERY]
    endpoint_id: UUID
    rate: Rate = None

    def letters(self) -> Order:
        """Return the order for its dead letters."""
        mine = LetterFilter(
            headers={Header.ENDPOINT_ID: frozenset({str(self.endpoint_id).encode()})}
        )
        return Order(filter=mine, limits=JobLimits(rate=self.rate))

    def missed(self) -> ReplayOrder:
        """Return the order for the events while it was disabled."""
        return ReplayOrder(str(self.endpoint_id), DISABLED, limits=JobLimits(rate=self.rate))


class RetryParams(_Params):
    """Retry the deliveries that match, whatever their state."""

    kind: Literal[JobKind.RETRY]
    endpoint_id: UUID | None = None
    event_id: UUID | None = None
    subject: UUID | None = None
    event_type: Annotated[str, Field(pattern=_TYPE, max_length=100)] | None = None
    state: State | None = None
    status: (
        Annotated[int, Field(ge=100, le=599)]
        | Annotated[str, Field(pattern="^[1-5]([0-9]{2}|xx)$")]
        | None
    ) = Field(default=None, description="Last answer: a status such as 503, or 5xx.")
    reason: Annotated[str, Field(pattern=_WORD, max_length=100)] | None = None
    since: Time = None
    until: Time = None
    rate: Rate = None
    max: Most = None

    def query(self, workspace_id: str | None) -> Query:
        """Return the conditions."""
        now_ms = wall_ms()
        return Query(
            workspace_id,
            _text(self.endpoint_id),
            _text(self.event_id),
            _text(self.subject),
            self.event_type,
            self.state,
            None,
            None if self.status is None else StatusRange.parse(str(self.status)),
            moment("since", self.since, now_ms),
            moment("until", self.until, now_ms),
            self.reason,
        )


JobParams = Annotated[
    RedriveParams | PurgeParams | ReplayParams | RecoveryParams | RetryParams,
    Field(discriminator="kind"),
]


class JobParamsHolder(BaseModel):
    """Parser of stored parameters."""

    params: JobParams


def lane_of(params: JobParams) -> str:
    """Return the lane of a job: one process at a time writes the tombstones of dead letters."""
    if isinstance(params, ReplayParams):
        return f"replay.{params.endpoint_id}"
    return LETTERS_LANE


def settled(params: JobParams) -> JobParams:
    """Return the parameters with ages replaced by times, which do not depend on when they are read.

    Raises:
        LetterFilterRefused: a time is invalid.
    """
    now_ms = wall_ms()
    match params:
        case RedriveParams() | PurgeParams():
            times = _fixed(params.filter.since, params.filter.until, now_ms)
            found = params.filter.model_copy(update=dict(zip(_SPAN, times, strict=True)))
            return params.model_copy(update={"filter": found})
        case ReplayParams() if params.since == DISABLED:
            return params
        case ReplayParams() | RetryParams():
            times = _fixed(params.since, params.until or time_text(now_ms), now_ms)
            return params.model_copy(update=dict(zip(_SPAN, times, strict=True)))
        case RecoveryParams():
            return params


_SPAN: Final = ("since", "until")


def _fixed(since: str | None, until: str | None, now_ms: int) -> Sequence[str | None]:
    found = moment("since", since, now_ms), moment("until", until, now_ms)
    return [None if each is None else time_text(each) for each in found]


def _left(most: int | None, moved: int) -> int | None:
    return None if most is None else max(1, most - moved)


def _text(some_id: UUID | None) -> str | None:
    return None if some_id is None else str(some_id)
