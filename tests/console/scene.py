"""A lively installation for screenshots: endpoints in every state and a day of deliveries."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attempts import attempt
from console.rig import Rig
from plaudit.control.recent_events import RecentEvent
from plaudit.dlq.letters.letter import Kind, Letter
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.ids import new_event_id
from plaudit.kafka.read.record_reader import StoredRecord
from plaudit.records.attempt import AttemptRecord
from plaudit.records.names import Header
from plaudit.store.jobs.job_model import JobKind, JobProgress
from plaudit.store.jobs.queue import JobQueue

HOUR_MS = 3_600_000
TYPES = (
    "testimonial.submitted",
    "testimonial.approved",
    "review.imported",
    "form.completed",
)


def paint(rig: Rig, per_hour: int = 12) -> dict[str, str]:
    """Fill an installation; return its endpoints' ids and a few deliveries' by name."""
    chance = random.Random(7)  # noqa: S311 - a picture, not a secret
    ids = {
        "CRM": rig.add("CRM", url="https://crm.example.com/hooks/plaudit", types=TYPES[:2]),
        "Slack": rig.add("Slack", url="https://hooks.slack.com/services/T0/B0/x", format="slack"),
        "Warehouse": rig.add("Warehouse", url="https://ingest.example.net/events", rate_limit=20.0),
        "Old shop": rig.add("Old shop", url="https://shop.example.org/webhook"),
    }
    rig.services.endpoints.disable(ids["Old shop"], "failing for 3 days")
    now = int(time.time() * 1_000)
    made: list[AttemptRecord] = []
    for hour in range(23, -1, -1):
        for _ in range(per_hour + chance.randint(-4, 6)):
            at = now - hour * HOUR_MS - chance.randint(60_000, HOUR_MS - 60_000)
            made += [_sent(rig, ids[name], at, chance) for name in ("CRM", "Warehouse")]
            if hour > 3:
                made.append(_sent(rig, ids["Slack"], at, chance))
    ids |= _failing(rig, ids["Slack"], now, made)
    letters(rig, ids, now, chance)
    ids["letter"] = rig.letters.known[Kind.DELIVERIES][0].id
    ids |= jobs(rig, ids["Slack"])
    events(rig, now)
    rig.log(*made)
    return ids


def events(rig: Rig, now: int) -> None:
    """Add the latest events: testimonials of different ratings."""
    for number in range(100):
        name = TYPES[number % len(TYPES)]
        shown = EventDecoder().decode(encode(example(name)))
        if name.startswith("testimonial"):
            shown.data["testimonial"]["rating"] = {"value": number % 5 + 1, "scale": 5}
        recent = rig.recent.known.setdefault(rig.workspace, [])
        recent.append(RecentEvent(now - number * 60_000, shown))


def jobs(rig: Rig, endpoint: str) -> dict[str, str]:
    """Add jobs in every state; return their ids."""
    service, mine = rig.services.jobs, rig.workspace
    redrive: dict[str, Any] = {"kind": "redrive", "filter": {"reasons": ["exhausted"]}, "rate": 50}
    counts = {"reason": {"exhausted": 38}, "endpoint": {endpoint: 38}}
    counted = service.create(JobKind.REDRIVE, "letters", redrive, mine, dry_run=True)
    rig.finish(38, counts=counts, skipped={"endpoint_disabled": 17})
    purge: dict[str, Any] = {"kind": "purge", "filter": {"reasons": ["gone"]}}
    purged = service.create(JobKind.PURGE, "letters", purge, None, dry_run=True)
    rig.finish(12, counts={"reason": {"gone": 12}})
    retry = {"kind": "retry", "endpoint_id": endpoint, "state": "pending", "rate": 20}
    running = service.create(JobKind.RETRY, "letters", retry, mine, dry_run=False)
    queue = JobQueue(rig.services.engine, "runner")
    job = queue.claim()
    assert job is not None
    queue.keep(job, JobProgress(1_204, 431))
    replay = {"kind": "replay", "endpoint_id": endpoint, "since": "2026-11-28T12:00:00Z"}
    service.create(JobKind.REPLAY, f"replay.{endpoint}", replay, mine, dry_run=True)
    return {"job": counted.job_id, "purge": purged.job_id, "running": running.job_id}


def letters(rig: Rig, ids: dict[str, str], now: int, chance: random.Random) -> None:
    """Add dead letters, of the deliveries that failed and of a disabled endpoint."""
    for number in range(60):
        endpoint, reason, status = chance.choice(
            (("Slack", "exhausted", "404"), ("Old shop", "endpoint_disabled", ""),
             ("CRM", "exhausted", "503"), ("CRM", "rejected", "413"))
        )  # fmt: skip
        age = int(chance.expovariate(1 / (20 * HOUR_MS)))
        rig.letters.add(letter(rig, ids[endpoint], reason, status, number, now - age))


def letter(
    rig: Rig,
    endpoint: str,
    reason: str,
    status: str,
    number: int = 0,
    at: int = 0,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Letter:
    """Return a dead letter."""
    event = example("testimonial.approved")
    event_id = str(uuid.UUID(int=(0xD << 124) + number))
    key = str(uuid.uuid5(uuid.UUID(event_id), endpoint))
    headers = {
        "ce_id": event_id,
        "ce_type": TYPES[number % 2],
        Header.DELIVERY_ID: key,
        Header.ENDPOINT_ID: endpoint,
        Header.WORKSPACE_ID: rig.workspace,
        Header.REASON: reason,
        Header.ATTEMPT: "6",
        Header.LAST_STATUS: status,
        Header.LAST_ERROR: f"HTTP {status}" if status else "",
        Header.ORIGIN_TOPIC: "plaudit.testimonials",
        **more,
    }
    named = [(name, value.encode()) for name, value in headers.items() if value]
    at_ms = at or int(time.time() * 1_000)
    return Letter(key.encode(), 0, number, at_ms, named, encode(event))


def _sent(rig: Rig, endpoint: str, at: int, chance: random.Random) -> AttemptRecord:
    total = chance.lognormvariate(4.2, 0.6)
    given: dict[str, Any] = {"first_byte_ms": total * 0.9, "total_ms": total}
    if chance.random() < 0.2:
        given |= {"dns_ms": 3.0, "connect_ms": total * 0.1, "tls_ms": total * 0.2,
                  "first_byte_ms": total * 0.6}  # fmt: skip
    if chance.random() < 0.02:
        given |= {"outcome": "RETRYING", "reason": "status", "status": 503,
                  "next_due_at": at + 5 * HOUR_MS}  # fmt: skip
    kind = chance.choice(TYPES)
    return attempt(workspace_id=rig.workspace, endpoint_id=endpoint, started_at=at,
                   event_type=kind, **given)  # fmt: skip


def _failing(rig: Rig, endpoint: str, now: int, made: list[AttemptRecord]) -> dict[str, str]:
    """Add deliveries that fail: some wait, some are dead letters; return one of each."""
    body = b"no_service: the workspace has removed this webhook"
    event = example("testimonial.approved")
    found = {}
    for number in range(9):
        given: dict[str, Any] = {
            "workspace_id": rig.workspace,
            "endpoint_id": endpoint,
            "event_id": str(new_event_id()),
            "origin_offset": 900 + number,
            "subject": str(uuid.UUID(int=number)),
            "outcome": "RETRYING",
            "reason": "status",
            "status": 404,
            "answer_snippet": body,
            "answer_headers": {"content-type": "text/plain", "server": "envoy"},
            "dns_ms": 2.1,
            "connect_ms": 9.4,
            "tls_ms": 21.3,
            "first_byte_ms": 180.2,
            "total_ms": 214.0,
        }
        begun = now - (230 - 9 * number) * 60_000
        first = attempt(**given)
        place = (first["origin_topic"], first["origin_partition"], 900 + number)
        meta = event.meta.model_copy(update={"event_id": uuid.UUID(first["event_id"])})
        value = encode(event.model_copy(update={"meta": meta}))
        rig.records.known[place] = StoredRecord(value, b"", [], begun)
        made += _course(given, begun, now)
        found["dead" if made[-1]["outcome"] == "DEAD" else "waiting"] = first["delivery_id"]
        found["event"] = first["event_id"]
    return found


def _course(given: dict[str, Any], at: int, now: int) -> list[AttemptRecord]:
    """Return the attempts of a delivery up to now."""
    waits = (5_000, 300_000, 3_600_000, 7_200_000, 0)
    course: list[AttemptRecord] = []
    for number, wait in enumerate(waits, 1):
        if at > now:
            break
        over = number == len(waits)
        end = {"outcome": "DEAD", "reason": "exhausted"} if over else {"next_due_at": at + wait}
        way = {"number": number, "started_at": at, "trigger": "RETRY" if number > 1 else "EVENT"}
        course.append(attempt(**{**given, **way, **end}))
        at += wait
    return course
