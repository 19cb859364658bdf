"""Charts and tables say what was measured, whatever things are called."""

from __future__ import annotations

from io import StringIO
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench.figures import Figure, Finding, Measured
from bench.report import Bar, Report, shown
from bench.svg import svg
from bench.table import markdown, print_report, text_bars

SVG = "{http://www.w3.org/2000/svg}"
names = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=30)
bars = st.lists(
    st.builds(Bar, names, st.floats(0, 1e9, allow_nan=False), st.booleans()),
    min_size=1,
    max_size=6,
)
SETTING = {
    "cpu": "a CPU", "cores": 2, "kernel": "6", "python": "3.11", "kafka": "Kafka", "date": "today",
    "build": "pure", "placement": "the worker on core 1", "command": "plaudit bench",
}  # fmt: skip


@given(st.dictionaries(names, bars, max_size=4))
def test_a_picture_is_well_formed_and_has_every_bar_within_its_frame(
    charts: dict[str, list[Bar]],
) -> None:
    picture = ET.fromstring(svg(charts))  # noqa: S314 - our own
    drawn = picture.findall(f"{SVG}rect")
    assert len(drawn) == sum(map(len, charts.values()))
    wide, high = float(picture.attrib["width"]), float(picture.attrib["height"])
    for rect in drawn:
        assert float(rect.attrib["x"]) + float(rect.attrib["width"]) < wide
        assert float(rect.attrib["y"]) + float(rect.attrib["height"]) <= high


@given(bars)
def test_the_longest_bar_fills_its_line_and_none_is_longer(given_bars: list[Bar]) -> None:
    most = max(bar.value for bar in given_bars)
    for bar, line in zip(given_bars, text_bars(given_bars, width=20), strict=True):
        full = line[2 + max(len(each.label) for each in given_bars) :].count("█")
        assert full <= 20 + bar.label.count("█")
        if most and bar.value == most:
            assert full >= 20


def test_void_runs_are_marked_wherever_they_are_shown() -> None:
    figure = Figure("rate", "[plaudit]", "/s", (Measured(1_234.5, ("noise",)),), "rates", "[us]")
    report = Report(SETTING, {"throughput": Finding((figure,), ("a note",))})
    out = StringIO()
    print_report(report, Console(file=out, width=100))
    text = out.getvalue()
    assert "[plaudit]" in text
    assert "1,234/s" in text
    assert "[us]" in text
    assert text.count("void") >= 3  # in the table, on the bar, and why
    assert "throughput: a note" in text
    assert "| throughput: [plaudit] | 1,234/s (void) |  |" in "\n".join(markdown(report))
    assert "(void)" in svg(report.charts())


def test_values_are_written_with_three_digits_or_so() -> None:
    assert [shown(value, "ms") for value in (0.5, 12.34, 123.4, 12_345.6)] == [
        "0.50 ms", "12.3 ms", "123 ms", "12,346 ms",
    ]  # fmt: skip
    assert shown(5, "") == "5"
