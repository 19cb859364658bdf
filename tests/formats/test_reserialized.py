"""A body that a receiver parses and writes again is the same text, as far as JSON allows.

Tools such as n8n and Node-RED verify what they wrote themselves unless they keep the raw body.
JavaScript writes 5.0 as 5, so a rating of 5.0 in a body would fail there, and 4.5 would not.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from decimal import Decimal

import pytest

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import Event, EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.models import Rating, ReviewImported
from plaudit.events.rendering import render
from plaudit.formats.catalogue import SHAPES

NAMES = sorted(CATALOGUE)
FORMS = ("standard", *sorted(SHAPES))
WHOLE_WITH_POINT = re.compile(rb"[:,\[]-?\d+\.0+[,}\]]")
AGAIN = """
const lines = require("fs").readFileSync(0, "utf8").split("\\n");
for (const line of lines) if (JSON.stringify(JSON.parse(line)) !== line) console.log(line);
"""


def rated(value: str) -> Event:
    event = example("review.imported")
    assert isinstance(event, ReviewImported)
    rating = Rating(value=Decimal(value), scale_max=10)
    testimonial = event.testimonial.model_copy(update={"rating": rating})
    return EventDecoder().decode(encode(event.model_copy(update={"testimonial": testimonial})))


def body(event: Event, form: str) -> bytes:
    return render(event) if form == "standard" else SHAPES[form].render(event, "/s").body


@pytest.mark.parametrize("form", FORMS)
def test_whole_numbers_have_no_point(form: str) -> None:
    for name in NAMES:
        event = EventDecoder().decode(encode(example(name)))
        assert WHOLE_WITH_POINT.search(body(event, form)) is None
    assert WHOLE_WITH_POINT.search(body(rated("10.00"), form)) is None


@pytest.mark.parametrize(
    ("value", "written"), [("0", b"0"), ("5.00", b"5"), ("4.50", b"4.5"), ("4.05", b"4.05")]
)
def test_a_rating_is_written_as_javascript_writes_it(value: str, written: bytes) -> None:
    assert b'"rating":{"value":%b,"scale_max":10}' % written in body(rated(value), "standard")
    assert b'"rating_value":%b,' % written in body(rated(value), "flat")


def test_the_examples_show_what_breaks_careless_receivers() -> None:
    event = json.loads(body(EventDecoder().decode(encode(example("review.imported"))), "standard"))
    shown = event["data"]["testimonial"]
    assert shown["rating"]["value"] == 5
    assert isinstance(shown["rating"]["value"], int)
    assert not shown["content"]["text"].isascii()
    assert shown["customer"]["profile_url"] is None


def test_javascript_reproduces_every_body() -> None:
    if shutil.which("node") is None:
        pytest.skip("no node here")
    events = [EventDecoder().decode(encode(example(name))) for name in NAMES]
    events += [rated(value) for value in ("0", "5.00", "4.50", "9.99", "10.00")]
    lines = b"\n".join(body(event, form) for event in events for form in FORMS)
    done = subprocess.run(["node", "-e", AGAIN], input=lines, capture_output=True, check=True)
    assert done.stdout == b""
