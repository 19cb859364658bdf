"""Settings of the recorder, from `PLAUDIT_*` and a `.env` file."""

from __future__ import annotations

from pydantic import Field

from plaudit.kafka.base_settings import EnvSettings
from plaudit.store.db.partitions import FURTHEST_DAYS

DAY_MS = 86_400_000
FAILING_AFTER = 10


class RecorderSettings(EnvSettings):
    """Retention times, and the time after which a failing endpoint is disabled."""

    log_days: int = Field(
        default=30, ge=1, le=FURTHEST_DAYS, description="Days that the delivery log is kept."
    )
    audit_days: int = Field(
        default=365, ge=1, le=36_500, description="Days that the audit log is kept."
    )
    disable_after_days: float = Field(
        default=5.0,
        gt=0,
        le=365,
        description="Days after which an endpoint is disabled whose every attempt failed.",
    )

    failing_after: int = Field(
        default=FAILING_AFTER,
        ge=1,
        description="Failures in a row after which `endpoint.failing` is sent.",
    )

    @property
    def disable_after_ms(self) -> int:
        """The retention time in milliseconds."""
        return int(self.disable_after_days * DAY_MS)
