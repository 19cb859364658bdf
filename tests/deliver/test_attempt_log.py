"""Log of attempts: which are logged, and the same lines from the quick way as from structlog's."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest
import structlog

from deliver.world import World, answer, endpoint
from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import DELIVERED, Dead, Decision, Diverted, Reason
from plaudit.deliver.model.delivery import DeliverySpanIds
from plaudit.deliver.telemetry.attempt_log import LOGGER, SAMPLE_OF, AttemptLogger, Chosen
from plaudit.kafka.settings import KafkaSettings
from plaudit.tracing.span import SpanIds
from plaudit.transport.errors import AddressRefused

Case = tuple[Decision, Attempted | None]

OK: Final = (DELIVERED, Attempted(answer(204), 1))
GONE: Final = (Dead(Reason.GONE), Attempted(answer(410), 1))
REFUSED: Final = (
    Dead("address"),
    Attempted(AddressRefused("h", "loopback", literal=False, address="127.0.0.1"), 1),
)
LITERAL: Final = (Dead("address"), Attempted(AddressRefused("h", "loopback", literal=True), 1))
PARKED: Final = (Diverted(KafkaSettings().tiers[0], "busy"), None)


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO, logger=LOGGER)
    yield
    structlog.reset_defaults()


def logged(
    chosen: Chosen,
    cases: Sequence[Case],
    *,
    by_structlog: bool = False,
    spans: DeliverySpanIds | None = None,
) -> list[Any]:
    """Return the lines of these decisions, written directly or by structlog's chain."""
    text, raw = io.StringIO(), io.BytesIO()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(text)
        if by_structlog
        else structlog.BytesLoggerFactory(raw),
    )
    delivery = World(serves_all=True).delivery(endpoint("example"))
    delivery.spans = spans
    reporter = AttemptLogger(chosen, "host:1")
    for decision, attempted in cases:
        reporter.report(delivery, decision, attempted)
    return [json.loads(line) for line in (text.getvalue() or raw.getvalue().decode()).splitlines()]


def test_a_line_has_the_same_fields_in_the_same_order_as_by_structlog() -> None:
    cases: list[Case] = [OK, GONE, REFUSED, LITERAL, PARKED]
    direct, chained = (logged("all", cases, by_structlog=each) for each in (False, True))
    assert [list(each) for each in direct] == [list(each) for each in chained]
    for each in (*direct, *chained):
        assert each.pop("timestamp").endswith("Z")
    assert direct == chained
    assert [each["level"] for each in direct] == ["info"] + ["warning"] * 4
    assert [each.get("address") for each in direct] == [None, None, "127.0.0.1", None, None]


@pytest.mark.parametrize(
    ("chosen", "successes"),
    [("all", 2 * SAMPLE_OF + 1), ("sample", 3), ("failures", 0), ("none", 0)],
)
def test_the_setting_chooses_successes_and_only_none_hides_a_failure(
    chosen: Chosen, successes: int
) -> None:
    found = [each["outcome"] for each in logged(chosen, [OK] * (2 * SAMPLE_OF + 1) + [GONE])]
    assert found.count("delivered") == successes
    assert found.count("gone") == (chosen != "none")


def test_a_sample_begins_with_the_first_success() -> None:
    assert len(logged("sample", [OK])) == 1


def test_the_level_hides_news_and_keeps_failures(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger=LOGGER)
    assert [each["outcome"] for each in logged("all", [OK, GONE])] == ["gone"]


def test_a_line_names_the_span_that_the_request_carried() -> None:
    attempt = SpanIds(1, 3)
    spans = DeliverySpanIds(None, SpanIds(1, 2), attempt, attempt.context)
    [line] = logged("all", [OK], spans=spans)
    assert (line["trace_id"], line["span_id"]) == (f"{1:032x}", f"{3:016x}")
    [without] = logged("all", [OK])
    assert without.keys().isdisjoint({"trace_id", "span_id"})
