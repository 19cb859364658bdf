"""Services that the pages call: those of the API, and a few of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from plaudit.api.dependencies import Parts
from plaudit.api.rate_limits import MINUTE_S, RateLimits
from plaudit.console.settings import ConsoleSettings
from plaudit.control.delivery_log import DeliveryLog
from plaudit.control.endpoint_index import EndpointIndex
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.access.sessions import SessionService

SIGN_INS_PER_MINUTE: Final = 20


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """Dependencies that all pages share; each is safe to use from any thread.

    Attributes:
        api: dependencies of the API's routes.
        kafka: connection to Kafka, for jobs and look-ups.
        log: delivery log.
        sessions: sessions and sign-in links.
        sign_ins: limit of attempts to sign in, per address.
        index: names and hosts of endpoints; decrypting a host takes longer than a look-up.
    """

    api: Parts
    settings: ConsoleSettings
    kafka: KafkaSettings
    log: DeliveryLog
    sessions: SessionService
    sign_ins: RateLimits
    index: EndpointIndex

    @classmethod
    def of(cls, api: Parts, settings: ConsoleSettings, kafka: KafkaSettings) -> ConsoleParts:
        """Return the services of a serving process."""
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
