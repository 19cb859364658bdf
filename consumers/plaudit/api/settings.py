"""Settings of `plaudit serve`, from `PLAUDIT_*` and a `.env` file."""

from __future__ import annotations

from pydantic import Field

from plaudit.kafka.plain_settings import PlainSettings


class ApiSettings(PlainSettings):
    """Where the API listens, and how often a key may call."""

    api_host: str = Field(default="127.0.0.1", description="Address that the API is bound to.")
    api_port: int = Field(default=8_400, ge=1, le=65_535, description="Port of the API.")
    api_rate_limit: float = Field(
        default=50.0, ge=0, le=1e6, description="Requests per second and API key; 0: no limit."
    )
    api_events_rate_limit: float = Field(
        default=2_000.0,
        ge=0,
        le=1e6,
        description="The same for POST /v1/events, whose requests may bring many events.",
    )
