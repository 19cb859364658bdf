"""Settings of `plaudit serve`, from `PLAUDIT_*` and a `.env` file."""

from __future__ import annotations

from pydantic import Field

from plaudit.kafka.base_settings import EnvSettings


class ApiSettings(EnvSettings):
    """Address of the API, and limits of workspaces; 0 removes a limit."""

    api_host: str = Field(default="127.0.0.1", description="Address that the API is bound to.")
    api_port: int = Field(default=8_400, ge=1, le=65_535, description="Port of the API.")
    api_metrics: bool = Field(
        default=False,
        description="Serve /metrics on the API's port, too, without a key: a proxy in front must "
        "not publish it. The port in PLAUDIT_METRICS_PORT serves it anyway.",
    )
    api_rate_limit: float = Field(
        default=50.0,
        ge=0,
        le=1e6,
        description="Requests per second of a workspace, or of an admin's key; 0: no limit.",
    )
    api_events_rate_limit: float = Field(
        default=2_000.0,
        ge=0,
        le=1e6,
        description="The same for POST /v1/events, whose requests may bring many events.",
    )
    api_event_rate: float = Field(
        default=5_000.0,
        ge=0,
        le=1e6,
        description="Events per second of a workspace, refused ones too; at least one for each "
        "8 KiB.",
    )
    api_retries_per_minute: float = Field(
        default=10_000.0,
        ge=0,
        le=1e6,
        description="Deliveries that a workspace may retry a minute.",
    )
    api_tests_per_minute: float = Field(
        default=60.0,
        ge=0,
        le=1e6,
        description="Test sends to the endpoints of a workspace a minute.",
    )
    api_max_endpoints: int = Field(default=1_000, ge=0, description="Endpoints of a workspace.")
    api_max_names: int = Field(
        default=200,
        ge=0,
        description="Host names in the URLs of a workspace's endpoints: each is looked up on its "
        "own.",
    )
    api_max_filters: int = Field(
        default=500, ge=0, description="Endpoints of a workspace that have a filter."
    )
    api_max_filter_characters: int = Field(
        default=500_000, ge=0, description="Characters of a workspace's filters together."
    )
    api_max_keys: int = Field(
        default=100,
        ge=0,
        description="API keys of a workspace, with those revoked in the last 24 hours.",
    )
    api_max_connections: int = Field(
        default=4_096,
        ge=16,
        description="Connections at once; then the one that has waited longest makes room.",
    )
    api_head_timeout: float = Field(
        default=10.0,
        gt=0,
        le=3_600,
        description="Seconds in which a request's headers have to come.",
    )
    api_body_timeout: float = Field(
        default=20.0,
        gt=0,
        le=3_600,
        description="Seconds for a request's body, and one more for each 16 KiB of it that came.",
    )
