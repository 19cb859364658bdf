"""Preview of an endpoint's choice: which of the latest events it would receive."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from console.rig import Rig
from console.scene import events
from plaudit.control.recent_events import tails
from plaudit.kafka.read.consumer import Partition


@pytest.mark.parametrize(("form", "sent", "why"), [
    ({}, 100, None),
    ({"types": "testimonial.approved"}, 25, "its type is not selected"),
    ({"filter": '{"field": "testimonial.rating.value", "gt": 3}'}, 45, "the filter does not match"),
    ({"spaces": "00000000-0000-4000-8000-000000000000"}, 0, "it belongs to another space"),
])  # fmt: skip
def test_a_form_shows_how_many_of_the_last_events_it_chooses_and_why_not_the_others(
    console: Rig, form: dict[str, str], sent: int, why: str | None
) -> None:
    events(console, int(time.time() * 1_000))
    browser = console.browser("write")
    checked = browser.post("/console/endpoints/new", "/console/endpoints/check", **form).text
    assert f"{sent} of the last 100 events would be sent." in checked
    assert (why or "would not be sent") in checked or why is None
    assert checked.count(f">{why}<") == (0 if why is None else 100 - sent)
    stranger = console.browser("stranger")
    foreign = stranger.post("/console/endpoints/new", "/console/endpoints/check", **form).text
    assert "has published nothing lately" in foreign


def test_the_api_previews_a_choice_as_the_form_does(console: Rig) -> None:
    events(console, int(time.time() * 1_000))
    client = console.browser(None).client
    body = {
        "types": ["testimonial.approved"],
        "filter": {"field": "testimonial.rating.value", "gt": 3},
    }

    def asked(key: str, **more: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {console.keys[key]}"}
        return client.post("/v1/endpoints/preview", headers=headers, json={**body, **more})

    shown = asked("read").json()
    assert (shown["total"], shown["sent"], len(shown["unsent"])) == (100, 10, 90)
    assert {each["why"] for each in shown["unsent"]} == {
        "its type is not selected",
        "the filter does not match",
    }
    assert asked("stranger").json()["total"] == 0
    assert asked("stranger", workspace_id=console.workspace).status_code == 403
    assert asked("admin").status_code == 422
    assert asked("admin", workspace_id=console.workspace).json()["sent"] == 10
    assert asked("read", types=["testimonial.aproved"]).json()["field"] == "types"
    assert asked("read", filter={"field": "x", "about": 1}).json()["field"].startswith("filter")


def test_a_filter_that_is_not_valid_has_no_preview(console: Rig) -> None:
    events(console, int(time.time() * 1_000))
    browser = console.browser("write")
    checked = browser.post("/console/endpoints/new", "/console/endpoints/check", filter="{").text
    assert "would be sent" not in checked
    assert re.search(r'id="wrong-filter"[^>]*>[^<]+<', checked)
    assert re.search(r'id="wrong-url"[^>]*><', checked), "an empty address shows no error yet"


def test_the_ends_of_all_partitions_are_read_and_not_more_than_the_maximum() -> None:
    spans = {Partition("t", number): (0, 10_000) for number in range(4)}
    assert set(tails(spans, 400).values()) == {(9_900, 10_000)}
    assert tails({Partition("t", 0): (5, 9)}, 400) == {Partition("t", 0): (5, 9)}
