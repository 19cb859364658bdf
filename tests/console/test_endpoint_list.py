"""List of endpoints: pages of it, those in trouble, and a search by names and hosts."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest

from console.rig import Browser, Rig
from plaudit.console.pages import endpoint_list
from plaudit.control.endpoint_index import EndpointIndex
from plaudit.store.endpoints.spec import EndpointSpec

LINK = re.compile(r'href="([^"]+)" rel="next"')
ROW = re.compile(r'class="c-main"><a href="/console/endpoints/([0-9a-f-]{36})"')


def pages(browser: Browser, first: str) -> list[list[str]]:
    """Return the ids on each page, following the links to the next one."""
    found = []
    url: str | None = first
    while url is not None:
        page = browser.get(url)
        found.append(ROW.findall(page))
        after = LINK.search(page)
        url = after[1].replace("&amp;", "&") if after else None
    return found


def test_every_endpoint_is_on_one_page_and_trouble_on_the_first(
    console: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_list, "MOST_ROWS", 3)
    endpoints = console.services.endpoints
    made = [console.add(f"crm-{number}") for number in range(8)]
    made.sort(key=lambda each: (endpoints.get(each).created_at, each))
    for each in (made[6], made[7]):
        endpoints.disable(each, "paused")
    first, *others = pages(console.browser(), "/console/endpoints")
    # Both may have been disabled in the same millisecond.
    assert (set(first[:2]), first[2:], others) == ({*made[6:]}, made[:3], [made[3:6], made[6:]])
    assert pages(console.browser(), "/console/endpoints?state=trouble") == [first[:2]]


def test_a_cursor_that_no_page_gave_is_refused(console: Rig) -> None:
    for cursor in ("x", "5.short", "٣.7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"):
        console.browser().get(f"/console/endpoints?cursor={cursor}", status=422)


def test_a_search_knows_changes_that_were_made_since_the_last_one(console: Rig) -> None:
    slack = console.add("Slack", url="https://hooks.example.com/T0")
    gone = console.add("Gone", url="https://hooks.example.com/T1")
    search = "/console/endpoints?q="
    browser = console.browser()
    assert set(ROW.findall(browser.get(f"{search}HOOKS.ex"))) == {slack, gone}
    moved = EndpointSpec("https://elsewhere.example.com/T0", name="Slack")
    console.services.endpoints.update(slack, moved)
    console.services.endpoints.remove(gone)
    assert ROW.findall(browser.get(f"{search}hooks.ex")) == []
    assert ROW.findall(browser.get(f"{search}elsewhere")) == [slack]
    assert ROW.findall(browser.get(f"{search}sla")) == [slack]


def test_a_search_finds_nothing_of_another_workspace(console: Rig) -> None:
    console.add("Slack")
    index = EndpointIndex(console.services.engine, console.services.endpoints)
    assert [each.name for each in index.find("sl", "sl", console.workspace)] == ["Slack"]
    assert index.find("sl", "sl", console.other) == []


def test_an_endpoint_that_was_removed_while_its_page_was_made_is_not_found(console: Rig) -> None:
    endpoints = console.services.endpoints
    index = EndpointIndex(console.services.engine, endpoints)
    shown = endpoints.get(console.add("Slack", url="https://hooks.example.com/T0"))
    endpoints.remove(shown.endpoint_id)
    assert index.find("sl", "sl", None) == []
    assert index.host_of(shown) == "hooks.example.com"
    assert index.find("sl", "sl", None) == []


def test_the_index_is_filled_before_the_first_search(console: Rig) -> None:
    console.add("Slack")
    endpoints = console.services.endpoints
    index = EndpointIndex(console.services.engine, endpoints)
    index.fill()
    with patch.object(endpoints, "page", side_effect=AssertionError("read again")):
        assert [each.name for each in index.find("sl", "sl", None)] == ["Slack"]
