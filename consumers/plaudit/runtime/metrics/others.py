"""Metrics of the recorder, the outbox relay and the API."""

from __future__ import annotations

from typing import Final

from plaudit.runtime.metrics.spec import MetricSpec, counter, gauge, histogram

WRITTEN: Final = counter("plaudit_recorder_written", "Attempts that are new in the log.")
KNOWN: Final = counter(
    "plaudit_recorder_known", "Attempts that the log had already; after a crash, a few."
)
UNREADABLE: Final = counter(
    "plaudit_recorder_unreadable",
    "Records that are not attempts, skipped and logged.",
    "Alert on any: who else writes to the topic?",
)
DISABLED: Final = counter(
    "plaudit_recorder_disabled", "Endpoints that were disabled after 410, or days of failures."
)
LOST: Final = counter(
    "plaudit_recorder_lost",
    "Records that retention removed before they were read.",
    "Alert on any; the log of attempts has a gap.",
)
RESET: Final = counter(
    "plaudit_recorder_positions_reset",
    "Positions that were past the end of the log, which was read from its start.",
    "Alert on any; see the runbook.",
)
WAITING: Final = gauge(
    "plaudit_recorder_waiting",
    "1 while the recorder waits for the database or the brokers.",
    "Alert when it lasts; `/readyz` names what is missing.",
)
SEALED: Final = gauge(
    "plaudit_endpoints_sealed",
    "Endpoints in the database by the key that sealed them: the first of `PLAUDIT_SECRET_KEY`, "
    "another one of it, or one that is missing there.",
    "`missing`: correct the setting. `other`: `plaudit endpoints reseal` before you remove a key.",
    "key",
)
RECORDER: Final[tuple[MetricSpec, ...]] = (
    WRITTEN,
    KNOWN,
    UNREADABLE,
    DISABLED,
    LOST,
    RESET,
    WAITING,
    SEALED,
)

OLDEST_LETTER: Final = gauge(
    "plaudit_dead_letters_oldest_seconds",
    "Age of the oldest dead letter; an upper bound until four days before it expires.",
    "Treat old letters: `plaudit dlq stats`.",
    "topic",
    unit="seconds",
)
EXPIRE: Final = gauge(
    "plaudit_dead_letters_expire_seconds",
    "Seconds until retention removes the oldest dead letter; a lower bound above four days.",
    "Alert under three days: redrive, purge or export them.",
    "topic",
    unit="seconds",
)
DEAD_LETTERS: Final[tuple[MetricSpec, ...]] = (OLDEST_LETTER, EXPIRE)

PUBLISHED: Final = counter("plaudit_outbox_published", "Rows that the brokers have acknowledged.")
REFUSED: Final = counter(
    "plaudit_outbox_refused",
    "Rows that can't be published; they stay, with a reason.",
    "Alert on any: `plaudit outbox status`.",
)
FAILURES: Final = counter(
    "plaudit_outbox_failures",
    "Times that brokers, registry or database did not answer, or refused.",
)
ACTIVE: Final = gauge("plaudit_outbox_active", "1 for the relay at work, 0 for one that stands by.")
ROWS_WAITING: Final = gauge(
    "plaudit_outbox_waiting",
    "Rows that wait, when they were last counted (every 10 s).",
    unit="rows",
)
OLDEST: Final = gauge(
    "plaudit_outbox_oldest_seconds",
    "Age of the oldest row that waits, at that time.",
    "Alert over 60 s.",
    unit="seconds",
)
SHUT_TOPICS: Final = gauge(
    "plaudit_outbox_shut_topics",
    "Topics that can't be written to; their rows wait.",
    "Alert on any; the log has the cause.",
)
OUTBOX: Final[tuple[MetricSpec, ...]] = (
    PUBLISHED,
    REFUSED,
    FAILURES,
    ACTIVE,
    ROWS_WAITING,
    OLDEST,
    SHUT_TOPICS,
)

REQUESTS: Final = histogram(
    "plaudit_api_request_duration_seconds",
    "How long requests to the API took, by route, method and status.",
    "",
    "route",
    "method",
    "status",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
API: Final[tuple[MetricSpec, ...]] = (REQUESTS,)
