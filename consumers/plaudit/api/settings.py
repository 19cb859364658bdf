"""Settings of `plaudit serve`, from `PLAUDIT_*` and a `.env` file."""

from __future__ import annotations

from pydantic import Field

from plaudit.kafka.base_settings import EnvSettings


class ApiSettings(EnvSettings):
    """Address of the API, and limits of workspaces; 0 removes a limit."""

    api_host: str = Field(default="127.0.0.1", description="Address on which the API listens.")
    api_port: int = Field(default=8_400, ge=1, le=65_535, description="Port of the API.")
    api_metrics: bool = Field(
        default=False,
        description="Serve /metrics on the API's port, too. It needs no key, so a proxy in front "
        "must not publish it. The port in PLAUDIT_METRICS_PORT always serves it.",
    )
    api_rate_limit: float = Field(
        default=50.0,
        ge=0,
        le=1e6,
        description="Requests per second of a workspace or an admin key; 0: unlimited.",
    )
    api_events_rate_limit: float = Field(
        default=2_000.0,
        ge=0,
        le=1e6,
        description="The same for POST /v1/events, whose requests may contain many events.",
    )
    api_event_rate: float = Field(
        default=5_000.0,
        ge=0,
        le=1e6,
        description="Events per second of a workspace, including refused ones; each 8 KiB count as "
        "at least one.",
    )
    api_retries_per_minute: float = Field(
        default=10_000.0,
        ge=0,
        le=1e6,
        description="Deliveries that a workspace may retry per minute.",
    )
    api_tests_per_minute: float = Field(
        default=60.0,
        ge=0,
        le=1e6,
        description="Test sends of a workspace per minute.",
    )
    api_max_endpoints: int = Field(default=1_000, ge=0, description="Endpoints of a workspace.")
    api_max_names: int = Field(
        default=200,
        ge=0,
        description="Distinct host names in the URLs of a workspace's endpoints.",
    )
    api_max_filters: int = Field(
        default=500, ge=0, description="Endpoints of a workspace with a filter."
    )
    api_max_filter_characters: int = Field(
        default=500_000, ge=0, description="Total characters of a workspace's filters."
    )
    api_max_keys: int = Field(
        default=100,
        ge=0,
        description="API keys of a workspace, including those revoked in the last 24 hours.",
    )
    api_max_connections: int = Field(
        default=4_096,
        ge=16,
        description="Open connections; beyond that, the one that has waited longest is closed.",
    )
    api_head_timeout: float = Field(
        default=10.0,
        gt=0,
        le=3_600,
        description="Seconds to receive a request's headers.",
    )
    api_body_timeout: float = Field(
        default=20.0,
        gt=0,
        le=3_600,
        description="Seconds to receive a request's body, and one more for each received 16 KiB.",
    )
