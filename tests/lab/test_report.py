"""The picture of a run shows what was done to it, and when."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from lab.evidence import Accepted, Arrival, Evidence
from lab.timeline import Life, draw
from plaudit.kafka.read.consumer import Partition

SVG = "{http://www.w3.org/2000/svg}"
SECOND = 1_000
EVENTS = Partition("events", 0)


def evidence() -> Evidence:
    """Sixty events, one a second, each taken at once; none between the 20th and the 40th second."""
    accepted = {
        str(number): Accepted("a.b", EVENTS, number, number * SECOND, b"") for number in range(60)
    }
    arrivals = [
        Arrival("good", event, 40 * SECOND if 20 <= int(event) < 40 else each.at_ms, 200, b"", "")
        for event, each in accepted.items()
    ]
    wanted = {"good": frozenset[str]()}
    return Evidence(frozenset(accepted), accepted, arrivals, [], [], [], (), wanted, {})


def test_a_timeline_shows_faults_workers_and_open_deliveries() -> None:
    lives = [Life(0, 0, 20 * SECOND, killed=True), Life(1, 0, 60 * SECOND, killed=False)]
    picture = ET.fromstring(  # noqa: S314 - of our own making
        draw(evidence(), [(20 * SECOND, "kill <0>")], lives)
    )
    texts = [each.text for each in picture.iter(f"{SVG}text")]
    assert "kill <0>" in texts
    assert "20" in texts, "deliveries were open at the most"
    [mark] = picture.iter(f"{SVG}line")
    first, second = picture.iter(f"{SVG}rect")
    left, width = float(first.attrib["x"]), float(first.attrib["width"])
    assert abs(float(mark.attrib["x1"]) - (left + width)) < 1, "its life ended at the mark"
    assert float(second.attrib["width"]) > 2 * width
