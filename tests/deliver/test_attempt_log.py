"""Log of attempts: which are logged, and the same lines from the quick way as from the logger."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest

from deliver.world import World, answer, endpoint
from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import DELIVERED, Dead, Decision, Diverted, Reason
from plaudit.deliver.model.delivery import DeliverySpanIds
from plaudit.deliver.telemetry.attempt_log import LOGGER, SAMPLE_OF, AttemptLogger, Chosen
from plaudit.kafka.settings import KafkaSettings
from plaudit.runtime.logging import JsonLines
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
def output(caplog: pytest.LogCaptureFixture) -> Iterator[io.BytesIO]:
    """Return the log's output, while lines are JSON."""
    caplog.set_level(logging.INFO, logger=LOGGER)
    raw = io.BytesIO()
    handler = JsonLines(raw)
    logging.getLogger().addHandler(handler)
    yield raw
    logging.getLogger().removeHandler(handler)


def report(chosen: Chosen, cases: Sequence[Case], *, spans: DeliverySpanIds | None = None) -> None:
    """Log these decisions."""
    delivery = World(serves_all=True).delivery(endpoint("example"))
    delivery.spans = spans
    reporter = AttemptLogger(chosen, "host:1")
    for decision, attempted in cases:
        reporter.report(delivery, decision, attempted)


def read(output: io.BytesIO) -> list[Any]:
    """Return the lines so far, and forget them."""
    lines = output.getvalue().splitlines()
    output.seek(0)
    output.truncate()
    return [json.loads(line) for line in lines]


def test_a_line_has_the_same_fields_as_that_of_the_logger(
    output: io.BytesIO, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: list[Case] = [OK, GONE, REFUSED, LITERAL, PARKED]
    report("all", cases)
    direct = read(output)
    assert not caplog.records
    monkeypatch.setattr("plaudit.deliver.telemetry.attempt_log.json_writer", lambda: None)
    report("all", cases)
    logged = read(output)
    for each in (*direct, *logged):
        assert each.pop("timestamp").endswith("Z")
    assert [each.pop("logger") for each in logged] == [LOGGER] * len(cases)
    assert [each | {"worker": "host:1"} for each in logged] == direct
    assert [each["level"] for each in direct] == ["info"] + ["warning"] * 4
    assert [each.get("address") for each in direct] == [None, None, "127.0.0.1", None, None]


@pytest.mark.parametrize(
    ("chosen", "successes"),
    [("all", 2 * SAMPLE_OF + 1), ("sample", 3), ("failures", 0), ("none", 0)],
)
def test_the_setting_chooses_successes_and_only_none_hides_a_failure(
    output: io.BytesIO, chosen: Chosen, successes: int
) -> None:
    report(chosen, [OK] * (2 * SAMPLE_OF + 1) + [GONE])
    found = [each["outcome"] for each in read(output)]
    assert found.count("delivered") == successes
    assert found.count("gone") == (chosen != "none")


def test_a_sample_begins_with_the_first_success(output: io.BytesIO) -> None:
    report("sample", [OK])
    assert len(read(output)) == 1


def test_the_level_hides_news_and_keeps_failures(
    output: io.BytesIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger=LOGGER)
    report("all", [OK, GONE])
    assert [each["outcome"] for each in read(output)] == ["gone"]


def test_a_line_names_the_span_that_the_request_carried(output: io.BytesIO) -> None:
    attempt = SpanIds(1, 3)
    spans = DeliverySpanIds(None, SpanIds(1, 2), attempt, attempt.context)
    report("all", [OK], spans=spans)
    [line] = read(output)
    assert (line["trace_id"], line["span_id"]) == (f"{1:032x}", f"{3:016x}")
    report("all", [OK])
    [without] = read(output)
    assert without.keys().isdisjoint({"trace_id", "span_id"})
