"""Jobs: a dry run first, then the run that it counted, each within the viewer's workspace."""

from __future__ import annotations

import re

import pytest

from attempts import failed
from console.rig import Browser, Rig
from plaudit.store.jobs.job_model import StoredJob


def latest(console: Rig) -> StoredJob:
    """Return the newest job."""
    return console.services.jobs.list().jobs[0]


def ordered(console: Rig, browser: Browser, page: str, to: str | None = None, **form: str) -> str:
    """Order a job by a form; return its address."""
    sent = browser.post(page, to, **form)
    assert sent.status_code == 303, sent.text
    at = sent.headers["location"]
    assert at == f"/console/jobs/{latest(console).job_id}"
    return str(at)


def test_a_replay_begins_with_a_dry_run_and_its_run_is_stopped(console: Rig) -> None:
    endpoint = console.add("crm")
    browser, stranger = console.browser("write"), console.browser("stranger")
    assert f'value="{endpoint}" selected' in browser.get(f"/console/replay?endpoint={endpoint}")
    at = ordered(
        console, browser, "/console/replay", endpoint=endpoint, since="6h", rate="5",
        types="testimonial.approved",
    )  # fmt: skip
    job = latest(console)
    assert (job.kind, job.dry_run, job.params["rate"]) == ("replay", True, 5)
    assert (job.params["types"], job.params["max"]) == (["testimonial.approved"], None)
    assert "waits for a runner" in browser.get(at)
    console.finish(1_204, counts={"type": {"testimonial.approved": 1_204}}, skipped={"parked": 2})
    page = browser.get(at)
    assert "1,204 events would be sent. Nothing was changed." in page
    assert "2 events stay (parked)" in page
    assert "Send 1,204 events now" in page
    stranger.get(at, 404)
    stranger.get(f"{at}/events", 404)
    assert stranger.post("/console/settings/sessions", f"{at}/cancel").status_code == 404
    run = browser.post(at, f"{at}/run")
    at = run.headers["location"]
    assert (latest(console).dry_run, latest(console).params) == (False, job.params)
    assert browser.post(at, f"{at}/cancel").status_code == 303
    assert "stopped" in browser.get(at)


def test_all_deliveries_that_match_are_retried_by_a_job_after_a_count(console: Rig) -> None:
    endpoint = console.add("crm")
    console.log(*(failed(workspace_id=console.workspace, endpoint_id=endpoint) for _ in range(3)))
    browser = console.browser("write")
    page = f"/console/deliveries/retry?endpoint={endpoint}&state=waiting"
    assert "3 deliveries would be sent again" in browser.get(page)
    assert not console.services.jobs.list().jobs
    form = {"endpoint": endpoint, "state": "waiting", "since": "24h", "rate": "50"}
    ordered(console, browser, page, "/console/deliveries/retry", **form)
    job = latest(console)
    assert (job.kind, job.dry_run, job.workspace_id) == ("retry", False, console.workspace)
    assert (job.params["endpoint_id"], job.params["state"], job.params["rate"]) == (
        endpoint, "pending", 50,
    )  # fmt: skip
    assert browser.post(page, "/console/deliveries/retry").status_code == 422
    stranger = console.browser("stranger")
    refused = stranger.post("/console/replay", "/console/deliveries/retry", endpoint=endpoint)
    assert refused.status_code == 404


def test_an_endpoint_is_enabled_and_its_missed_events_are_counted(console: Rig) -> None:
    endpoint = console.add("crm")
    browser, at = console.browser("write"), f"/console/endpoints/{endpoint}"
    console.services.endpoints.disable(endpoint, "failing")
    assert browser.post(at, f"{at}/recover").status_code == 409
    ordered(console, browser, at, f"{at}/recover", enable="yes")
    assert console.services.endpoints.get(endpoint).status == "active"
    assert (latest(console).kind, latest(console).dry_run) == ("recovery", True)
    assert latest(console).params["endpoint_id"] == endpoint


def test_the_steps_of_a_job_arrive_as_events(console: Rig) -> None:
    endpoint = console.add("crm")
    browser = console.browser("write")
    at = ordered(console, browser, "/console/replay", endpoint=endpoint)
    console.finish(7)
    with browser.client.stream("GET", f"{at}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        said = stream.read().decode()
    assert re.findall(r"event: (\w+)", said) == ["state", "state", "progress", "state"]
    assert '"state":"done"' in said
    part = browser.get(at, headers={"hx-request": "true"})
    assert "<html" not in part
    assert "data-over" in part


@pytest.mark.parametrize("order", [
    {"endpoint": "foreign", "since": "1h"}, {"endpoint": "x"}, {"since": "1h"},
    {"endpoint": "mine", "from": "yesterday"}, {"endpoint": "mine", "rate": "-1"},
])  # fmt: skip
def test_an_impossible_job_is_refused(console: Rig, order: dict[str, str]) -> None:
    ids = {"foreign": console.add("other", console.other), "mine": console.add("crm")}
    given = {**order, "endpoint": ids.get(order.get("endpoint", ""), order.get("endpoint", ""))}
    sent = console.browser("write").post("/console/replay", **given)
    assert sent.status_code in {404, 422}, order
    assert not console.services.jobs.list().jobs
