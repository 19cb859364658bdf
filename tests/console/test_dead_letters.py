"""Dead letters: found, counted, chosen, ordered again through a job, and removed with a copy."""

from __future__ import annotations

import re
import time

from console.rig import Rig
from console.scene import letter
from plaudit.dlq.letters.letter import Kind
from plaudit.store.jobs.job_model import StoredJob

HOUR_MS = 3_600_000


def fill(console: Rig) -> dict[str, str]:
    """Add two endpoints with five letters; return their ids."""
    ids = {"crm": console.add("crm"), "shop": console.add("shop")}
    now = int(time.time() * 1_000)
    for number, (name, reason, status, age) in enumerate(
        (
            ("crm", "exhausted", "503", 0.5),
            ("crm", "exhausted", "404", 2),
            ("crm", "rejected", "413", 30),
            ("shop", "exhausted", "", 2),
            ("shop", "gone", "410", 200),
        )
    ):
        at = now - int(age * HOUR_MS)
        console.letters.add(letter(console, ids[name], reason, status, number, at))
    return ids


def latest(console: Rig) -> StoredJob:
    """Return the newest job."""
    return console.services.jobs.list().jobs[0]


def test_the_page_counts_by_reason_endpoint_and_age_and_each_number_leads_to_its_letters(
    console: Rig,
) -> None:
    ids = fill(console)
    browser = console.browser("write")
    page = browser.get("/console/dead-letters")
    assert 'Dead letters <span class="count">5</span>' in page
    for url, count in {
        "reason=exhausted": 3,
        f"endpoint={ids['shop']}": 2,
        "since=24h&amp;until=1h": 2,
        "until=7d": 1,
    }.items():
        assert re.search(rf'href="/console/dead-letters\?{re.escape(url)}"', page), url
        shown = browser.get(f"/console/dead-letters?{url.replace('&amp;', '&')}")
        assert f'<span class="count">{count}</span>' in shown, url
    assert 'class="count">1<' in browser.get("/console/dead-letters?status=none")
    assert "No dead letter matches" in browser.get("/console/dead-letters?error=nowhere")
    for query in ("reason=x", "endpoint=x", "since=soon", "status=9", "kind=x", "cursor=1.2"):
        browser.get(f"/console/dead-letters?{query}", 422)


def test_a_letter_shows_why_it_was_given_up_and_its_event(console: Rig) -> None:
    fill(console)
    found = console.letters.known[Kind.DELIVERIES][0]
    browser = console.browser("write")
    page = browser.get(f"/console/dead-letters/{found.id}")
    assert "after 6 attempts" in page
    assert "&#34;testimonial&#34;" in page
    console.browser("stranger").get(f"/console/dead-letters/{found.id}", 404)
    browser.get(f"/console/dead-letters/{found.id}x", 404)


def test_selected_or_matching_letters_are_queued_as_a_dry_run_with_rate_and_limit(
    console: Rig,
) -> None:
    ids = fill(console)
    browser = console.browser("write")
    at = "/console/dead-letters"
    chosen = console.letters.known[Kind.DELIVERIES][0].id
    asked = browser.post(at, action="redrive", id=chosen, rate="20", max="100")
    job = latest(console)
    assert asked.headers["location"] == f"/console/jobs/{job.job_id}"
    assert (job.dry_run, job.kind, job.workspace_id) == (True, "redrive", console.workspace)
    assert (job.params["rate"], job.params["max"]) == (20, 100)
    assert job.params["filter"]["ids"] == [chosen]
    assert job.params["filter"]["until"] is not None

    browser.post(at, endpoint=ids["shop"], reason="exhausted", since="24h")
    conditions = latest(console).params["filter"]
    assert conditions["ids"] is None
    assert (conditions["endpoint_ids"], conditions["reasons"]) == ([ids["shop"]], ["exhausted"])
    assert browser.post(at, action="redrive", rate="fast").status_code == 422
    assert browser.post(at, action="burn").status_code == 422


def test_letters_are_removed_by_an_operator_who_types_their_number_and_downloads_them_first(
    console: Rig,
) -> None:
    fill(console)
    assert console.browser("write").post(
        "/console/dead-letters", action="purge", reason="exhausted"
    ).status_code == 403  # fmt: skip
    browser = console.browser()
    browser.post("/console/dead-letters", action="purge", reason="exhausted")
    job = latest(console)
    console.finish(3)
    at = f"/console/jobs/{job.job_id}"
    page = browser.get(at)
    assert "To remove 3 dead letters, type 3" in page
    copy = browser.client.get(f"{at}/letters")
    assert copy.headers["content-disposition"].startswith("attachment")
    assert copy.text.count("plaudit_dead_letter") == 3
    assert browser.post(at, f"{at}/run", confirm="4").status_code == 422
    assert latest(console).job_id == job.job_id
    assert browser.post(at, f"{at}/run", confirm="3").status_code == 303
    run = latest(console)
    assert (run.kind, run.dry_run, run.params) == ("purge", False, job.params)


def test_a_download_has_what_matches_in_the_viewers_workspace(console: Rig) -> None:
    fill(console)
    at = "/console/dead-letters/export?reason=gone"
    assert console.browser("write").get(at).count("\n") == 1
    assert console.browser("stranger").get(at) == ""


def test_unreadable_events_are_for_operators(console: Rig) -> None:
    console.letters.add(letter(console, "", "unknown_format", ""), Kind.EVENTS)
    page = console.browser().get("/console/dead-letters?kind=events")
    assert "unknown_format" in page
    console.browser("write").get("/console/dead-letters?kind=events", 403)
