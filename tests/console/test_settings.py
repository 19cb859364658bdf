"""Settings: keys, sessions, notices and the audit log, each for those who may see it."""

from __future__ import annotations

import re

import pytest

from console.rig import Rig
from console.test_signing_in import entered
from plaudit.console.views.agents import browser_of


def test_a_key_is_shown_once_and_revoked(console: Rig) -> None:
    browser = console.browser("write")
    made = browser.post("/console/settings/keys", name="ci", scope="read")
    text = re.search(r"<code>(plk_[\w-]+)</code>", made.text)
    assert text is not None
    assert text[1] not in browser.get("/console/settings/keys")
    key = console.services.keys.find(text[1])
    assert key is not None
    assert (key.scope, key.workspace_id) == ("read", console.workspace)
    browser.post("/console/settings/keys", f"/console/settings/keys/{key.key_id}")
    assert console.services.keys.find(text[1]) is None
    refused = browser.post("/console/settings/keys", name="all", scope="admin")
    assert refused.status_code == 403
    assert browser.post("/console/settings/keys", name="x", scope="none").status_code == 422


def test_sessions_of_a_workspace_are_listed_and_ended(console: Rig) -> None:
    portal = entered(console, person="ada@example.com")
    browser, stranger = console.browser("write"), console.browser("stranger")
    page = browser.get("/console/settings/sessions")
    assert "ada@example.com" in page
    assert "stranger" not in page
    session = re.search(r'sessions/([\w-]+)"[^<]*<input[^>]*>\s*<button[^>]*of ada', page)
    assert session is not None
    at = f"/console/settings/sessions/{session[1]}"
    assert stranger.post("/console/settings/sessions", at).status_code == 404
    portal.get("/portal")
    assert browser.post("/console/settings/sessions", at).status_code == 303
    portal.get("/portal", 401)


def test_the_audit_log_has_changes_with_the_person(console: Rig) -> None:
    endpoint = console.add("crm")
    portal = entered(console, person="ada@example.com")
    at = f"/portal/endpoints/{endpoint}"
    portal.post(at, f"{at}/disable", reason="a pause")
    log = portal.get("/portal/settings/audit")
    assert "ada@example.com" in log
    assert "a pause" in log
    assert endpoint not in console.browser("stranger").get("/console/settings/audit")
    console.browser("read").get("/console/settings/audit", 403)


def test_notices_are_sent_to_an_endpoint_of_the_workspace(console: Rig) -> None:
    mine, foreign = console.add("crm"), console.add("other", console.other)
    browser = console.browser("write")
    at = "/console/settings/notices"
    of = {"workspace": console.workspace, "type": ["endpoint.failing", "job.completed"]}
    assert browser.post(at, **of, endpoint=mine).status_code == 303
    known = console.services.workspaces.get(console.workspace)
    assert known.notify_endpoint_id == mine
    assert known.notify_types == ("endpoint.failing", "job.completed")
    page = browser.get(at)
    assert re.findall(r'value="([\w.]+)" checked', page) == ["endpoint.failing", "job.completed"]
    assert browser.post(at, **of, endpoint=foreign).status_code == 422
    assert browser.post(at, **{**of, "workspace": console.other}).status_code == 403
    nothing = browser.post(at, workspace=console.workspace, endpoint=mine)
    assert nothing.status_code == 422
    assert "choose at least one notice" in nothing.text.lower()
    assert browser.post(at, workspace=console.workspace).status_code == 303, "no endpoint"
    assert console.services.workspaces.get(console.workspace).notify_endpoint_id is None


def test_sessions_of_a_person_are_found_and_ended_at_once(console: Rig) -> None:
    portals = [entered(console, person="ada@example.com") for _ in range(2)]
    grace, foreign = (
        entered(console, person="grace@example.com"),
        entered(console, key="stranger", person="ada@other.example"),
    )
    browser = console.browser("write")
    at = "/console/settings/sessions"
    page = browser.get(f"{at}?q=ADA@")
    assert page.count("ada@example.com</td>") == 2
    assert "grace@" not in page
    assert "ada@other.example" not in page
    assert browser.post(at).status_code == 422, "without a search it would end everyone's"
    ended = browser.post(f"{at}?q=ada@", at, q="ada@")
    assert ended.headers["location"] == f"{at}?q=ada%40&done=ended"
    for portal in portals:
        portal.get("/portal", 401)
    grace.get("/portal")
    foreign.get("/portal")
    browser.post(f"{at}?q=write", at, q="write")
    browser.get("/console")


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/130.0",
            "Firefox, Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18 Safari/605", "Safari, macOS"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/130.0 Mobile Safari/537.36", "Chrome, Android"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("", "unknown"),
    ],
)
def test_a_browser_has_a_short_name(agent: str, name: str) -> None:
    assert browser_of(agent) == name


def test_the_portal_has_neither_keys_nor_lanes(console: Rig) -> None:
    portal = entered(console)
    portal.get("/portal/settings/keys", 404)
    portal.get("/portal/lanes", 404)
    console.browser("write").get("/console/lanes", 404)
