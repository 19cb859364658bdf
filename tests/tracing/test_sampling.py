"""Choice of the traces that are recorded, and the variables that set it."""

from __future__ import annotations

import uuid

import pytest

from plaudit.kafka.errors import SettingsError
from plaudit.records.trace_context import TraceContext
from plaudit.tracing.environment import is_configured
from plaudit.tracing.sampling import Sampling, sampling_of
from plaudit.tracing.span import SpanIds, ids_of, trace_id_of

IDS = b"-4bf92f3577b34da6a3ce929d0e0e4736-1111222233334444-"
RECORDED = TraceContext(b"00" + IDS + b"01")
PASSED_OVER = TraceContext(b"00" + IDS + b"00")


@pytest.mark.parametrize(
    ("sampler", "argument", "expected"),
    [
        ("", "", Sampling(1.0, by_parent=True)),
        ("always_off", "", Sampling(0.0, by_parent=False)),
        ("parentbased_always_off", "", Sampling(0.0, by_parent=True)),
        ("traceidratio", "0.25", Sampling(0.25, by_parent=False)),
        ("parentbased_traceidratio", "", Sampling(1.0, by_parent=True)),
        ("ParentBased_TraceIdRatio", "0.01", Sampling(0.01, by_parent=True)),
    ],
)
def test_the_standard_variables_set_it(sampler: str, argument: str, expected: Sampling) -> None:
    given = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    assert sampling_of(given) == expected


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "OTEL_TRACES_SAMPLER"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}, "SAMPLER_ARG"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1%"}, "SAMPLER_ARG"),
    ],
)
def test_an_invalid_value_is_refused_by_its_variable(given: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        sampling_of(given)


def test_the_sender_decides_about_a_trace_that_came_with_an_event() -> None:
    never, always = Sampling(0.0, by_parent=True), Sampling(1.0, by_parent=True)
    assert never.takes(RECORDED, "")
    assert not always.takes(PASSED_OVER, "")
    assert Sampling(1.0, by_parent=False).takes(PASSED_OVER, "")


def test_a_ratio_samples_about_that_share_of_the_events() -> None:
    tenth = Sampling(0.1, by_parent=True)
    taken = sum(tenth.takes(None, str(uuid.uuid4())) for _ in range(5_000))
    assert 300 < taken < 700  # some nine standard deviations


def test_all_attempts_of_an_event_without_a_context_are_in_one_trace() -> None:
    event = uuid.uuid4()
    assert trace_id_of(str(event)) == event.int
    for odd in ("", "x" * 32, str(uuid.UUID(int=0)), "event-1"):
        assert 0 < trace_id_of(odd) == trace_id_of(odd) < 2**128


def test_ids_of_a_context_are_read_and_written_alike() -> None:
    context = RECORDED._replace(state=b"vendor=1")
    ids = ids_of(context)
    assert ids.context == context
    assert ids.child().trace_id == ids.trace_id
    assert ids.child().span_id != ids.span_id
    assert SpanIds(1, 2).context.parent == b"00-%032x-%016x-01" % (1, 2)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"},
    ],
)
def test_it_is_off_unless_the_environment_asks_for_it(environ: dict[str, str]) -> None:
    assert not is_configured(environ)


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_TRACES_EXPORTER": "otlp"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"},
    ],
)
def test_an_exporter_or_a_collector_turns_it_on(environ: dict[str, str]) -> None:
    assert is_configured(environ)
