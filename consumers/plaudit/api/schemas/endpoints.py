"""Request and response bodies of endpoints, keys and workspaces, as in the OpenAPI document."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from plaudit.endpoints.signing import Signing
from plaudit.formats.catalogue import FORMATS
from plaudit.records.durations import seconds_of
from plaudit.records.times import time_text
from plaudit.store.access.api_keys import ApiKey, Scope
from plaudit.store.endpoints.header_protection import without_headers_of
from plaudit.store.endpoints.notices import NoticeType
from plaudit.store.endpoints.spec import LONGEST_NAME, EndpointSpec

Text = Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$")]
Rate = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]


def _writable(tree: dict[str, Any]) -> dict[str, Any]:
    """Reject values that Python's JSON can represent but other programs can't read."""
    try:
        orjson.dumps(tree)
    except orjson.JSONEncodeError as error:
        msg = f"can't be represented in JSON: {error}"
        raise ValueError(msg) from None
    return tree


Filter = Annotated[dict[str, Any], AfterValidator(_writable)]
FORMAT_SCHEMA: Final[JsonDict] = {"enum": [*FORMATS]}
_EXAMPLE: Final[JsonDict] = {
    "url": "https://hooks.example.com/plaudit",
    "types": ["testimonial.approved"],
    "filter": {"field": "testimonial.rating.value", "gt": 3},
    "name": "crm",
}


class EndpointBody(BaseModel):
    """An endpoint to register."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    url: Text = Field(description="URL of the receiver: https, without a private address.")
    workspace_id: UUID | None = Field(default=None, description="For admin keys only.")
    name: Text | None = Field(default=None, max_length=LONGEST_NAME, description="Display name.")
    types: list[Text] = Field(default_factory=list, max_length=100, description="Empty: all.")
    spaces: list[UUID] = Field(default_factory=list, max_length=1_000, description="Empty: all.")
    filter: Filter | None = Field(default=None, description="Content filter.")
    headers: dict[Text, Text] = Field(
        default_factory=dict, description="Headers of every request; secret."
    )
    rate_limit: Rate | None = Field(default=None, description="Requests per second.")
    schedule: Text | None = Field(
        default=None, description="Delays between attempts, such as 5s,5m."
    )
    format: Text = Field(
        default="standard", description="Payload format.", json_schema_extra=FORMAT_SCHEMA
    )
    secret: Text | None = Field(default=None, description="whsec_…; a new one by default.")
    signing: Signing = Field(
        default="v1", description="`v1` (secret), `v1a` (Ed25519 key pair), or both."
    )

    def wanted(self) -> EndpointSpec:
        """Return the endpoint's specification for the service."""
        return EndpointSpec(
            self.url,
            tuple(self.types),
            tuple(str(each) for each in self.spaces),
            self.headers,
            self.rate_limit,
            self.schedule,
            self.format,
            self.secret,
            self.name,
            _filter_text(self.filter),
            self.signing,
        )


class EndpointChange(BaseModel):
    """Changes to an endpoint. Omitted fields stay; null removes a limit."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"types": ["review.imported"]}]}
    )

    url: Text | None = Field(
        default=None, description="URL; a change of the host drops headers that are not set again."
    )
    name: Text | None = Field(default=None, max_length=LONGEST_NAME)
    types: list[Text] | None = Field(default=None, max_length=100)
    spaces: list[UUID] | None = Field(default=None, max_length=1_000)
    filter: Filter | None = None
    headers: dict[Text, Text] | None = None
    rate_limit: Rate | None = None
    schedule: Text | None = None
    format: Text | None = None
    signing: Signing | None = None

    def applied(self, now: EndpointSpec) -> EndpointSpec:
        """Return the specification of the changed endpoint."""
        given = self.model_fields_set
        changes: dict[str, Any] = {
            "url": self.url or now.url,
            "name": self.name,
            "types": tuple(self.types or ()),
            "spaces": tuple(str(each) for each in self.spaces or ()),
            "content_filter": _filter_text(self.filter),
            "headers": self.headers or {},
            "rate_limit": self.rate_limit,
            "schedule": self.schedule,
            "format": self.format or now.format,
            "signing": self.signing or now.signing,
        }
        named = {name if name != "filter" else "content_filter" for name in given}
        changed = replace(now, **{name: changes[name] for name in named})
        return changed if "headers" in given else without_headers_of(now, changed)


def _whole_seconds(given: object) -> object:
    """Return a duration such as `24h` in seconds; other values stay."""
    return round(seconds_of(given)) if isinstance(given, str) else given


class Rotation(BaseModel):
    """Options of a secret's rotation."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: Annotated[int, BeforeValidator(_whole_seconds)] = Field(
        default=86_400,
        ge=0,
        le=604_800,
        description='Seconds for which the old secret keeps signing, or a text such as "24h".',
    )


class Disabling(BaseModel):
    """Reason for disabling an endpoint."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = Field(default="by its owner", min_length=1, max_length=400)


class TestBody(BaseModel):
    """Event type of a test send."""

    model_config = ConfigDict(extra="forbid")

    type: Text | None = Field(default=None, description="Event type; by default a subscribed one.")


class TestOut(BaseModel):
    """Result of a test send."""

    id: str = Field(description="The webhook-id.")
    type: str
    succeeded: bool
    status: int | None
    error: str | None
    answer: str | None
    total_ms: float | None
    body: str


class WorkspaceBody(BaseModel):
    """Changes to a workspace."""

    model_config = ConfigDict(extra="forbid")

    notify_endpoint_id: UUID | None = Field(
        description="Endpoint that receives operational events; null disables them."
    )
    notify_types: list[NoticeType] | None = Field(
        default=None, description="Types of operational events; null keeps the current ones."
    )


class WorkspaceOut(BaseModel):
    """A workspace."""

    id: str
    notify_endpoint_id: str | None
    notify_types: list[NoticeType]


class HealthOut(BaseModel):
    """Health of an endpoint, from the delivery log."""

    since: str = Field(description="Start of the period of counts and percentiles.")
    delivered: int
    failed: int = Field(description="Attempts without a 2xx response.")
    dead: int
    diverted: int
    success_rate: float | None = Field(
        description="Share of successful attempts; null without attempts."
    )
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    failure_streak: int = Field(description="Current number of consecutive failures.")
    failing_since: str | None
    last_attempt_at: str | None
    last_success_at: str | None
    last_failure_at: str | None
    last_status: int | None
    last_reason: str | None
    last_error: str | None


class KeyBody(BaseModel):
    """A key to create."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "crm"}]})

    name: Text = Field(min_length=1, max_length=LONGEST_NAME)
    scope: Scope = Scope.WORKSPACE
    workspace_id: UUID | None = Field(default=None, description="For admin keys only.")


class KeyOut(BaseModel):
    """A key, without its secret."""

    id: str
    name: str
    scope: Scope
    workspace_id: str | None
    ends_with: str
    created_at: str
    used_at: str | None
    revoked_at: str | None
    key: str | None = Field(default=None, description="Text of a new key; shown only once.")

    @classmethod
    def of(cls, key: ApiKey, text: str | None = None) -> KeyOut:
        """Return the response body of a key."""
        return cls(
            id=key.key_id,
            name=key.name,
            scope=key.scope,
            workspace_id=key.workspace_id,
            ends_with=key.hint,
            created_at=time_text(key.created_at),
            used_at=_time(key.used_at),
            revoked_at=_time(key.revoked_at),
            key=text,
        )


class RetryBody(BaseModel):
    """Conditions for the deliveries to retry; at least one is required."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"event_type": "testimonial.approved"}]}
    )

    endpoint_id: UUID | None = None
    event_id: UUID | None = None
    event_type: Text | None = None
    subject: UUID | None = None
    state: str | None = Field(default=None, pattern="^(delivered|pending|dead|cancelled)$")
    since: str | None = Field(default=None, max_length=40)
    until: str | None = Field(default=None, max_length=40)
    cursor: Text | None = Field(default=None, description="Cursor of the previous response.")
    limit: int = Field(default=100, ge=1, le=1_000)


def _filter_text(tree: dict[str, Any] | None) -> str | None:
    return None if tree is None else orjson.dumps(tree).decode()


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else time_text(epoch_ms)
