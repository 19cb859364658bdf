"""Settings of the recorder, from `PLAUDIT_*` and a `.env` file."""

from __future__ import annotations

from pydantic import Field

from plaudit.kafka.base_settings import EnvSettings
from plaudit.store.db.partitions import FURTHEST_DAYS

DAY_MS = 86_400_000
FAILING_AFTER = 10


class RecorderSettings(EnvSettings):
    """Retention times, the limits of failing endpoints, and whether the recorder runs jobs."""

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

    record_jobs: bool = Field(
        default=True,
        description=(
            "Whether `plaudit record` carries out jobs. Set it to `false` where its Kafka user has "
            "the rights of the role `record` only, and run `plaudit jobs run` as the role `dlq`."
        ),
    )

    @property
    def disable_after_ms(self) -> int:
        """The retention time in milliseconds."""
        return int(self.disable_after_days * DAY_MS)
