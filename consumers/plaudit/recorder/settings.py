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
        default=30, ge=1, le=FURTHEST_DAYS, description="Retention of the delivery log, in days."
    )
    audit_days: int = Field(
        default=365, ge=1, le=36_500, description="Retention of the audit log, in days."
    )
    payload_days: int = Field(
        default=0,
        ge=0,
        le=FURTHEST_DAYS,
        description=(
            "Days that `plaudit record` keeps each delivered event in the database, encrypted, to "
            "show it and send it again when Kafka has it no more; 0 keeps none. The recorder's "
            "Kafka user then has to read the event topics."
        ),
    )
    disable_after_days: float = Field(
        default=5.0,
        gt=0,
        le=365,
        description="Days of failed attempts only, after which an endpoint is disabled.",
    )

    failing_after: int = Field(
        default=FAILING_AFTER,
        ge=1,
        description="Consecutive failures after which the recorder sends `endpoint.failing`.",
    )

    record_jobs: bool = Field(
        default=True,
        description=(
            "Whether `plaudit record` runs jobs. Set it to `false` if its Kafka user has only the "
            "permissions of the role `record`, and run `plaudit jobs run` as the role `dlq`."
        ),
    )

    @property
    def disable_after_ms(self) -> int:
        """Time of failures after which an endpoint is disabled, in milliseconds."""
        return int(self.disable_after_days * DAY_MS)
