"""Services that the pages share: those of the API, and a few others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from plaudit.api.dependencies import ApiServices
from plaudit.api.rate_limits import MINUTE_S, RateLimits
from plaudit.console.settings import ConsoleSettings
from plaudit.control.delivery_log import DeliveryLog
from plaudit.control.endpoint_index import EndpointIndex
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.access.sessions import SessionService

SIGN_INS_PER_MINUTE: Final = 20


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """Services that all pages share; each is safe to use from any thread.

    Attributes:
        api: services of the API.
        kafka: connection to Kafka, for jobs and look-ups.
        log: delivery log.
        sessions: sessions and sign-in links.
        sign_ins: limit of attempts to sign in, per address.
        index: names and hosts of endpoints; decrypting a host takes longer than a look-up.
    """

    api: ApiServices
    settings: ConsoleSettings
    kafka: KafkaSettings
    log: DeliveryLog
    sessions: SessionService
    sign_ins: RateLimits
    index: EndpointIndex

    @classmethod
    def of(
        cls, api: ApiServices, settings: ConsoleSettings, kafka: KafkaSettings
    ) -> ConsoleServices:
        """Return the services of this process."""
        return cls(
            api,
            settings,
            kafka,
            DeliveryLog(api.engine),
            SessionService(api.engine),
            RateLimits(
                SIGN_INS_PER_MINUTE / MINUTE_S,
                burst_s=MINUTE_S,
                what="attempts to sign in",
                setting="fixed",
            ),
            EndpointIndex(api.engine, api.endpoints),
        )
