"""Pages: what they show, what they refuse, and what no one may put into them."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import Any

import pytest

from attempts import attempt, failed
from console.rig import Browser, Rig
from console.scene import paint
from console.test_signing_in import entered
from plaudit.console.assets import assets
from plaudit.console.page_table import PAGES
from plaudit.store.access.sessions import WebApp
from plaudit.store.log import queries

QUERY = ("endpoint", "subject", "event", "q", "target", "cursor")
FIELDS = ("endpoint", "subject", "id", "workspace", "from", "version", "q", "name")
VENDORED = {
    "htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


def test_third_party_files_are_the_released_ones_with_their_licence() -> None:
    for name, digest in VENDORED.items():
        assert hashlib.sha256(assets()[name].content).hexdigest() == digest, name
    import plaudit.console  # noqa: PLC0415 - to find its files

    folder = Path(next(iter(plaudit.console.__path__))) / "static"
    assert {path.name for path in folder.glob("*.LICENSE.txt")} == {
        "htmx.LICENSE.txt",
        "uPlot.LICENSE.txt",
    }


def test_every_response_forbids_inline_code_and_frames(console: Rig) -> None:
    browser = console.browser()
    for url in ("/console", "/console/sign-in", "/console/nowhere", "/console/static/0/no.js"):
        headers = browser.client.get(url).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert policy.endswith("frame-ancestors 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert browser.client.get("/console").headers["cache-control"] == "no-store"


def test_no_page_has_inline_code(console: Rig) -> None:
    ids = paint(console, per_hour=6)
    browser = console.browser()
    for url in urls(ids):
        page = browser.get(url)
        assert not re.search(r"<[^>]*\s(on\w+|style|hx-on[\w:-]*)\s*=", page), url
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style", page), url


def urls(ids: dict[str, str]) -> list[str]:
    """Return pages of an installation that `paint` filled."""
    return [
        "/console",
        "/console/endpoints",
        "/console/endpoints/new",
        f"/console/endpoints/{ids['Slack']}",
        f"/console/endpoints/{ids['Slack']}/edit",
        f"/console/endpoints/{ids['Slack']}/remove",
        "/console/deliveries",
        "/console/deliveries?state=dead&since=24h",
        "/console/deliveries/retry?state=dead",
        f"/console/deliveries/{ids['dead']}",
        f"/console/deliveries/{ids['waiting']}",
        f"/console/deliveries/{ids['waiting']}/request",
        f"/console/trace/{ids['event']}",
        "/console/dead-letters",
        f"/console/dead-letters/{ids['letter']}",
        "/console/jobs",
        f"/console/jobs/{ids['job']}",
        f"/console/jobs/{ids['purge']}",
        f"/console/jobs/{ids['running']}",
        "/console/replay",
        "/console/search?q=example",
        "/console/events",
        "/console/events/testimonial.approved?format=slack",
    ]


def test_the_first_load_is_small_over_the_wire(console: Rig) -> None:
    paint(console)
    browser = console.browser()
    page = browser.client.get("/console", headers={"accept-encoding": "gzip"})
    names = set(re.findall(r'(?:src|href)="/console/static/\w+/([\w.]+)"', page.text))
    assert names >= {"htmx.min.js", "console.css", "uPlot.iife.min.js"}
    total = sum(len(assets()[name].packed) for name in names)
    assert total + int(page.headers["content-length"]) < 100_000


def test_a_search_opens_the_only_match_at_once(console: Rig) -> None:
    ids = paint(console, per_hour=6)
    browser = console.browser()
    for text, to in {
        ids["dead"]: f"/console/deliveries/{ids['dead']}",
        ids["Slack"].upper(): f"/console/endpoints/{ids['Slack']}",
        ids["event"]: f"/console/trace/{ids['event']}",
        "https://hooks.slack.com/services/T0": f"/console/endpoints/{ids['Slack']}",
        "wareh": f"/console/endpoints/{ids['Warehouse']}",
        "review.imported": "/console/events/review.imported",
    }.items():
        found = browser.client.get("/console/search", params={"q": text})
        assert found.headers.get("location") == to, text
    assert "Nothing matches" in browser.get("/console/search?q=nowhere")


def test_a_delivery_shows_its_result_and_a_remedy(console: Rig) -> None:
    ids = paint(console, per_hour=6)
    browser = console.browser()
    page = browser.get(f"/console/deliveries/{ids['waiting']}")
    assert "HTTP 404: the address does not exist on the server" in page
    assert "Ask the customer for a new address." in page
    assert "no_service: the workspace has removed this webhook" in page
    request = browser.get(
        f"/console/deliveries/{ids['waiting']}/request", headers={"hx-request": "true"}
    )
    assert "webhook-signature: [redacted]" in request
    assert "<html" not in request


def test_an_impossible_filter_is_refused_in_words(console: Rig) -> None:
    browser = console.browser()
    for query, words in {
        "state=gone": "gone",
        "status=7": "status such as 503",
        "endpoint=x": "not an id",
        "since=soon": "not a time",
        "type=a.b": "not an event type",
        "cursor=x": "cursor of a page",
        "since=99999999999d": "not a time",
    }.items():
        assert words in browser.get(f"/console/deliveries?{query}", 422)


def test_deliveries_are_found_by_a_text_in_their_last_error(
    console: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = console.add("crm")
    mine = {"workspace_id": console.workspace, "endpoint_id": endpoint}
    now = int(time.time() * 1_000)
    old = failed(**mine, started_at=now - 60_000, error="the certificate has expired")
    console.log(old, *(failed(**mine, started_at=now - each, error="no") for each in range(8)))
    browser = console.browser()
    found = browser.get("/console/deliveries?error=CERTIFICATE")
    assert found.count("/console/deliveries/" + old["delivery_id"]) == 1
    assert "Send all again" not in found
    browser.get("/console/deliveries/retry?error=certificate", 422)
    monkeypatch.setattr(queries, "MOST_SEARCHED", 4)
    page, url = "", "/console/deliveries?error=certificate"
    for _ in range(4):
        page = browser.get(url)
        if old["delivery_id"] in page:
            return
        older = re.search(r'href="([^"]+)" rel="next">Search older', page)
        assert older is not None, page
        url = older[1].replace("&amp;", "&")
    raise AssertionError(page)


def test_an_endpoint_is_created_changed_disabled_and_removed(console: Rig) -> None:
    browser = console.browser("write")
    form: dict[str, Any] = {
        "url": "https://crm.example.com/x",
        "name": "CRM",
        "types": ["form.completed"],
    }
    made = browser.post("/console/endpoints/new", **{**form, "types": ["form.completed"]})
    secret = re.search(r"whsec_[\w+/=]+", made.text)
    assert secret is not None
    (known,) = console.services.endpoints.list(console.workspace)
    at = f"/console/endpoints/{known.endpoint_id}"
    assert secret[0] not in browser.get(at)

    changed = browser.post(
        f"{at}/edit", url="https://crm.example.com/y", name="CRM", rate_limit="2.5", version="1",
        headers="X-Token: s3cr3t", replace_headers="yes",
    )  # fmt: skip
    assert changed.status_code == 303, changed.text
    assert "s3cr3t" not in browser.get(f"{at}/edit")
    stale = browser.post(f"{at}/edit", url="https://crm.example.com/z", name="CRM", version="1")
    assert stale.status_code == 412
    kept = browser.post(f"{at}/edit", url="https://crm.example.com/z", name="CRM", version="2")
    assert kept.status_code == 303
    wanted = console.services.endpoints.spec_of(console.services.endpoints.get(known.endpoint_id))
    assert (wanted.url, dict(wanted.headers)) == (
        "https://crm.example.com/z",
        {"X-Token": "s3cr3t"},
    )

    assert "keeps signing for a day" in browser.post(at, f"{at}/rotate", overlap="24").text
    browser.post(at, f"{at}/disable", reason="a pause")
    assert "a pause" in browser.get(at)
    browser.post(at, f"{at}/enable")
    assert browser.post(f"{at}/remove", confirm="crm").status_code == 422
    assert browser.post(f"{at}/remove", confirm="CRM").status_code == 303
    browser.get(at, 404)


def test_a_form_shows_errors_beside_their_fields_and_keeps_its_values(
    console: Rig,
) -> None:
    browser = console.browser("write")
    sent = browser.post("/console/endpoints/new", url="http://10.0.0.1/", name="CRM")
    assert sent.status_code == 422
    assert re.search(r'id="wrong-url"[^>]*>[^<]*PLAUDIT_ALLOW_NETWORKS', sent.text)
    assert 'value="CRM"' in sent.text
    for fields, field in (
        ({"filter": "{"}, "filter"),
        ({"rate_limit": "fast"}, "rate_limit"),
        ({"headers": "nonsense"}, "headers"),
        ({"spaces": "x"}, "spaces"),
    ):
        form = {"url": "https://crm.example.com/", **fields}
        checked = browser.post("/console/endpoints/new", "/console/endpoints/check", **form)
        assert re.search(rf'id="wrong-{field}"[^>]*>[^<]+<', checked.text), field
    slack = {"url": "https://hooks.slack.com/services/x"}
    checked = browser.post("/console/endpoints/new", "/console/endpoints/check", **slack)
    assert "use the format slack" in checked.text


def test_a_reader_changes_nothing(console: Rig) -> None:
    endpoint = console.add("crm", url="https://crm.example.com/token-in-path")
    browser = console.browser("read")
    at = f"/console/endpoints/{endpoint}"
    assert "token-in-path" not in browser.get(at)
    token = browser.token("/console")
    for page in PAGES:
        if page.change is not None:
            path = page.path.replace("{id}", endpoint).replace("{name}", "form.completed")
            assert browser.client.post(f"/console{path}", data={"csrf": token}).status_code == 403
    browser.get(f"{at}/edit", 403)
    browser.get(f"{at}/remove", 403)


def test_a_subscriber_finds_nothing_of_another_workspace(console: Rig) -> None:
    """Every page and every form, with every id of the other workspace."""
    ids = paint(console, per_hour=6)
    ids |= {"key": console.services.keys.list(console.workspace)[0].key_id}
    owner = console.browser("write")
    ids |= {"session": console.app.state.console.sessions.list(console.workspace)[0].session_id}
    before = _state(console)
    stranger = console.browser("stranger")
    portal = entered(console, key="stranger")
    for browser, web_app in ((stranger, WebApp.CONSOLE), (portal, WebApp.PORTAL)):
        _tries(console, browser, web_app, ids)
    assert _state(console) == before
    owner.get("/console")


def _state(console: Rig) -> tuple[object, ...]:
    """Return what belongs to the workspace."""
    mine, services = console.workspace, console.services
    return (
        services.endpoints.list(mine),
        services.keys.list(mine),
        services.jobs.list(mine).jobs,
        services.workspaces.get(mine),
    )


def _tries(console: Rig, browser: Browser, web_app: WebApp, ids: dict[str, str]) -> None:
    token = browser.token(f"/{web_app}")
    for page in PAGES:
        if web_app not in page.web_apps:
            continue
        for value in ids.values():
            url = f"/{web_app}{page.path.replace('{id}', value)}"
            if page.show is not None:
                shown = browser.client.get(url, params=dict.fromkeys(QUERY, value))
                _knows_nothing(shown.text, ids, value)
                shown = browser.client.get(url)
                _knows_nothing(shown.text, ids, value)
            if page.change is not None:
                form = {**dict.fromkeys(FIELDS, value), "csrf": token, "confirm": "Slack"}
                sent = browser.client.post(url, data=form)
                _knows_nothing(sent.text, ids, value)
                own = {"csrf": token, "endpoint": value, "workspace": console.workspace}
                sent = browser.client.post(url, data=own)
                _knows_nothing(sent.text, ids, value)


def _knows_nothing(text: str, ids: dict[str, str], asked: str) -> None:
    for secret in ("CRM", "Warehouse", "hooks.slack.com", "no_service", "Old shop", "whsec_"):
        assert secret not in text, text
    assert not [each for each in ids.values() if each != asked and each in text]


def test_new_deliveries_announce_themselves(console: Rig) -> None:
    endpoint = console.add("crm")
    now = int(time.time() * 1_000)
    mine: dict[str, Any] = {"workspace_id": console.workspace, "endpoint_id": endpoint}
    console.log(attempt(**mine, started_at=now - 5_000))
    browser = console.browser()
    poll = re.search(r'data-poll="([^"]+)"', browser.get("/console/deliveries"))
    assert poll is not None
    url = poll[1].replace("&amp;", "&")
    assert browser.get(url).strip() == ""
    console.log(attempt(**mine, started_at=now))
    assert "1 new" in browser.get(url)


def test_an_empty_installation_shows_the_first_steps(console: Rig) -> None:
    browser = console.browser()
    assert "No endpoints yet." in browser.get("/console")
    assert "Create the first one" in browser.get("/console/endpoints")
    assert "A delivery is one event for one endpoint" in browser.get("/console/deliveries")
