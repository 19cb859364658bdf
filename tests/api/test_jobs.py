"""Jobs, the audit log, counts and statistics over HTTP; without a broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from attempts import attempt, failed
from console.rig import Rig, rig
from console.scene import letter
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.read.record_reader import StoredRecord
from plaudit.store.jobs.job_model import JobProgress, JobState
from plaudit.store.jobs.queue import JobQueue

NOW = int(time.time() * 1_000)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Rig]:
    """An installation with a key of each kind."""
    with rig(tmp_path) as made:
        yield made


def client(installation: Rig, key: str) -> httpx.Client:
    """Return a client with a key."""
    headers = {"authorization": f"Bearer {installation.keys[key]}"}
    made = httpx.Client(base_url=installation.base, headers=headers, timeout=30)
    installation.clients.append(made)
    return made


def order(who: httpx.Client, status: int = 202, **params: Any) -> dict[str, Any]:
    """Order a job; return the answer."""
    answer = who.post("/v1/jobs", json={"params": params})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_job_is_ordered_followed_and_cancelled_within_its_workspace(installation: Rig) -> None:
    write, stranger = client(installation, "write"), client(installation, "stranger")
    made = order(write, kind="redrive", filter={"reasons": ["exhausted"], "since": "24h"}, rate=5)
    assert (made["state"], made["workspace_id"]) == ("queued", installation.workspace)
    at = f"/v1/jobs/{made['id']}"
    for call in (stranger.get(at), stranger.post(f"{at}/cancel"), stranger.get(f"{at}/events")):
        assert call.status_code == 404
    assert stranger.get("/v1/jobs").json()["data"] == []
    queue = JobQueue(installation.services.engine, "runner")
    job = queue.claim()
    assert job is not None
    queue.keep(job, JobProgress(10, 3, "the pace"))
    assert write.get(at).json()["progress"]["moved"] == 3
    assert write.post(f"{at}/cancel").json()["cancelling"]
    queue.conclude(job, JobState.CANCELLED, {"moved": 3}, None)
    steps = write.get(f"{at}/events").text
    names = [line.removeprefix("event: ") for line in steps.split("\n") if line.startswith("event")]
    assert names == ["state", "state", "progress", "state"]
    last = [line.removeprefix("id: ") for line in steps.split("\n") if line.startswith("id: ")][-2]
    rest = write.get(f"{at}/events", headers={"last-event-id": last}).text
    assert rest.count("event: ") == 1
    assert '"cancelled"' in rest
    assert (
        write.get("/v1/jobs", params={"state": "cancelled"}).json()["data"][0]["id"] == made["id"]
    )


def test_jobs_that_a_key_may_not_queue_are_refused(installation: Rig) -> None:
    write, admin = client(installation, "write"), client(installation, "admin")
    foreign = installation.add("theirs", installation.other)
    order(client(installation, "read"), 403, kind="redrive")
    order(write, 403, kind="purge", all=True)
    order(write, 403, kind="redrive", letters="events")
    order(write, 404, kind="replay", endpoint_id=foreign, since="2h")
    order(write, 404, kind="redrive", to=foreign)
    order(write, 404, kind="recovery", endpoint_id=foreign)
    order(write, 404, kind="retry", endpoint_id=foreign)
    order(admin, 422, kind="purge")
    problem = order(admin, 422, kind="redrive", filter={"since": "yesterday"})
    assert "yesterday" in problem["detail"]
    order(admin, 422, kind="dance")
    order(admin, kind="replay", endpoint_id=foreign, since="2h")


def test_changes_are_listed_with_the_key_that_made_them(installation: Rig) -> None:
    write, admin = client(installation, "write"), client(installation, "admin")
    made = write.post("/v1/endpoints", json={"url": "https://hooks.example.com/x", "name": "mine"})
    endpoint = made.json()["id"]
    write.patch(f"/v1/endpoints/{endpoint}", json={"types": ["form.completed"]})
    write.delete(f"/v1/endpoints/{endpoint}")
    page = admin.get("/v1/audit", params={"target": endpoint, "limit": 2}).json()
    rest = admin.get("/v1/audit", params={"target": endpoint, "cursor": page["cursor"]}).json()
    entries = [*page["data"], *rest["data"]]
    assert [each["action"] for each in entries] == [
        "endpoint.removed", "endpoint.updated", "endpoint.created",
    ]  # fmt: skip
    assert {each["actor"]["kind"] for each in entries} == {"key"}
    assert {each["actor"]["address"] for each in entries} == {"127.0.0.1"}
    assert entries[1]["after"]["event_types"] == ["form.completed"]
    assert "hooks.example.com" not in str(entries)
    stranger = client(installation, "stranger")
    assert stranger.get("/v1/audit", params={"target": endpoint}).json()["data"] == []


def test_a_sent_request_is_shown_without_secrets_or_with_the_problem(
    installation: Rig,
) -> None:
    write = client(installation, "write")
    endpoint = installation.add("shown")
    event = example("testimonial.approved")
    made = attempt(
        workspace_id=installation.workspace, endpoint_id=endpoint, event_id=str(event.meta.event_id)
    )
    installation.log(made)
    at = f"/v1/deliveries/{made['delivery_id']}/request"
    gone = write.get(at).json()
    assert gone["body"] is None
    assert "retention" in gone["problem"]
    value = encode(event)
    place = (made["origin_topic"], made["origin_partition"], made["origin_offset"])
    installation.records.known[place] = StoredRecord(value, None, [], NOW)
    sent = write.get(at).json()
    assert '"testimonial.approved"' in sent["body"]
    assert sent["headers"]["webhook-id"] == made["event_id"]
    assert sent["headers"]["webhook-signature"] == "[redacted]"
    assert client(installation, "stranger").get(at).status_code == 404


def test_counts_statistics_and_errors_are_of_the_workspace(installation: Rig) -> None:
    write, stranger = client(installation, "write"), client(installation, "stranger")
    mine = {"workspace_id": installation.workspace}
    installation.log(
        attempt(**mine, started_at=NOW),
        failed(**mine, started_at=NOW, error="connection refused"),
    )
    assert write.get("/v1/deliveries/count").json() == {"count": 2, "at_least": False}
    assert stranger.get("/v1/deliveries/count").json()["count"] == 0
    found = write.get("/v1/deliveries", params={"error": "REFUSED"}).json()["data"]
    assert [each["error"] for each in found] == ["connection refused"]
    for resolution, steps in (("hour", 24), ("minute", 24 * 60)):
        data = write.get("/v1/stats", params={"resolution": resolution}).json()["data"]
        assert len(data) >= steps
        assert sum(each["delivered"] for each in data) == 1
        assert data[0]["delivered"] == 0


def test_dead_letters_are_listed_counted_shown_and_exported_within_a_workspace(
    installation: Rig,
) -> None:
    endpoint = installation.add("crm")
    for number, reason in enumerate(("exhausted", "exhausted", "gone")):
        installation.letters.add(letter(installation, endpoint, reason, "503", number, NOW))
    write, stranger = client(installation, "write"), client(installation, "stranger")
    page = write.get("/v1/dead-letters", params={"reason": "exhausted", "limit": 1}).json()
    rest = write.get(
        "/v1/dead-letters", params={"reason": "exhausted", "cursor": page["cursor"]}
    ).json()
    assert (len(page["data"]), len(rest["data"]), rest["cursor"]) == (1, 1, None)
    counts = write.get("/v1/dead-letters/counts").json()
    assert (counts["total"], counts["by"]["reason"]) == (3, {"exhausted": 2, "gone": 1})
    one = page["data"][0]["delivery_id"]
    assert write.get(f"/v1/dead-letters/{one}").json()["event"].startswith("{")
    assert write.get("/v1/dead-letters/export").text.count("\n") == 3
    assert stranger.get("/v1/dead-letters").json()["data"] == []
    assert stranger.get("/v1/dead-letters/export").text == ""
    assert stranger.get(f"/v1/dead-letters/{one}").status_code == 404
    for query in ("kind=events", f"workspace_id={installation.other}"):
        assert write.get(f"/v1/dead-letters?{query}").status_code == 403, query
    for query in ("reason=no", "since=soon", "status=9x", "cursor=1", "limit=0", "x=1"):
        assert write.get(f"/v1/dead-letters?{query}").status_code == 422, query
