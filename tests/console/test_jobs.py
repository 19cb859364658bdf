"""Jobs: a dry run first, then the run that it counted, each within the viewer's workspace."""

from __future__ import annotations

from console.rig import Rig


def test_a_redrive_begins_with_a_dry_run_and_is_cancelled(console: Rig) -> None:
    endpoint = console.add("crm")
    browser, stranger = console.browser("write"), console.browser("stranger")
    asked = browser.post("/console/jobs", kind="redrive", endpoint=endpoint, reason="exhausted")
    at = asked.headers["location"]
    (job,) = console.parts.jobs.list(console.workspace).jobs
    assert at == f"/console/jobs/{job.job_id}"
    assert (job.kind, job.dry_run, job.params["filter"]["reasons"]) == (
        "redrive",
        True,
        ["exhausted"],
    )
    assert "Dry run of a redrive" in browser.get(at)
    stranger.get(at, 404)
    assert stranger.post("/console/jobs", f"{at}/cancel").status_code == 404
    run = browser.post("/console/jobs", f"{at}/run")
    assert console.parts.jobs.get(run.headers["location"].rpartition("/")[2]).dry_run is False
    assert browser.post("/console/jobs", f"{at}/cancel").status_code == 303
    assert "cancelled" in browser.get(at)


def test_an_order_that_can_not_be_is_refused(console: Rig) -> None:
    foreign = console.add("other", console.other)
    browser = console.browser("write")
    for order in (
        {"kind": "replay", "endpoint": foreign, "since": "1h"},
        {"kind": "redrive", "endpoint": "x"},
        {"kind": "replay", "since": "1h"},
    ):
        assert browser.post("/console/jobs", **order).status_code in {404, 422}, order
    assert not console.parts.jobs.list().jobs
