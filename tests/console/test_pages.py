"""Pages: what they show, what they refuse, and what no one may put into them."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import Any

from attempts import attempt, failed
from console.rig import Browser, Rig
from console.scene import letter, paint
from console.test_signing_in import entered
from plaudit.console.assets import assets
from plaudit.console.page_table import PAGES
from plaudit.dlq.letters.letter import Letter
from plaudit.records.names import Header
from plaudit.store.access.sessions import WebApp
from plaudit.store.jobs.job_model import JobKind, StoredJob

QUERY = ("endpoint", "subject", "event", "q", "target", "cursor")
FIELDS = ("endpoint", "subject", "id", "workspace", "from", "version")
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
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
    before = _state(console)
    stranger = console.browser("stranger")
    portal = entered(console, key="stranger")
    for browser, web_app in ((stranger, WebApp.CONSOLE), (portal, WebApp.PORTAL)):
        _tries(console, browser, web_app, ids)
    assert _state(console) == before


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


def test_nothing_from_outside_becomes_code(console: Rig) -> None:
    endpoint = console.add(
        f"crm{HOSTILE}", url="https://crm.example.com/?q=<script>alert(3)</script>"
    )
    now = int(time.time() * 1_000)
    hostile = failed(
        workspace_id=console.workspace,
        endpoint_id=endpoint,
        started_at=now,
        error=HOSTILE,
        answer_snippet=HOSTILE.encode(),
        answer_headers={"x-evil": HOSTILE, HOSTILE: "name"},
        worker=HOSTILE,
        subject=HOSTILE,
        event_type="testimonial.approved" + HOSTILE,
        origin_topic=HOSTILE,
        reason=HOSTILE,
    )
    console.log(hostile)
    dead = _hostile_letter(console, endpoint)
    job = _hostile_job(console)
    console.services.endpoints.disable(endpoint, HOSTILE)
    browser = console.browser()
    for url in (
        "/console",
        "/console/endpoints",
        f"/console/endpoints/{endpoint}",
        f"/console/endpoints/{endpoint}/edit",
        f"/console/endpoints/{endpoint}/remove",
        "/console/deliveries",
        "/console/dead-letters",
        f"/console/dead-letters/{dead.id}",
        f"/console/jobs/{job.job_id}",
        "/console/jobs",
        f"/console/replay?endpoint={endpoint}&since={HOSTILE}",
        "/console/settings/audit",
        f"/console/trace/{hostile['event_id']}",
        f"/console/deliveries/{hostile['delivery_id']}",
        f"/console/deliveries/{hostile['delivery_id']}/request",
        f"/console/deliveries/retry?endpoint={endpoint}",
    ):
        page = browser.get(url)
        assert "<script>alert" not in page, url
        assert "<img src=x" not in page, url
    reflected = browser.client.get("/console/search", params={"q": f"zz{HOSTILE}", "done": HOSTILE})
    assert "<script>alert" not in reflected.text
    assert "&lt;script&gt;" in reflected.text


def _hostile_letter(console: Rig, endpoint: str) -> Letter:
    """Add a dead letter with hostile text in every header."""
    names = ("ce_type", "ce_subject", Header.LAST_ERROR, Header.ORIGIN_TOPIC, f"x-{HOSTILE}")
    hostile = dict.fromkeys(names, HOSTILE)
    made = letter(console, endpoint, HOSTILE, "503", more=hostile)
    console.letters.add(made)
    return made


def _hostile_job(console: Rig) -> StoredJob:
    """Add a job with hostile text in its order and in its report."""
    params: dict[str, Any] = {"kind": "redrive", "filter": {"error": HOSTILE}}
    job = console.services.jobs.create(JobKind.REDRIVE, "letters", params, None, dry_run=True)
    console.finish(3, counts={"reason": {HOSTILE: 3}}, skipped={HOSTILE: 1})
    return job


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
