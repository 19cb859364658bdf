"""Dead letters: counts, a list, single letters with their events, and jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plaudit.api.problems import Refused
from plaudit.api.routes.dead_letters import JSON_LINES, begun, check_kind
from plaudit.console.asking import Answer, Ask, Shown, Streamed
from plaudit.console.pages.delivery import pretty
from plaudit.console.pages.jobs import bounds_of, ordered
from plaudit.console.pages.labels import Label, choices, label_or_deleted, labels_for
from plaudit.console.views.bars import MOST_BARS, ShareBar, bars
from plaudit.console.views.filters import RANGES, chips
from plaudit.console.views.letter_filter import DeadLetterFilter
from plaudit.control.dead_letters import AGES, OLDER, LetterCounts
from plaudit.dlq.letters.filters import parse
from plaudit.dlq.letters.histogram import NONE
from plaudit.dlq.letters.letter import RETENTION_MS, Kind, Letter
from plaudit.events.catalogue import CATALOGUE
from plaudit.jobs.params import JobParamsHolder, PurgeParams, RedriveParams
from plaudit.records.explanations import DEAD_DELIVERIES, DEAD_RECORDS, explain
from plaudit.records.names import Header
from plaudit.records.times import time_text

AGE_WORDS: Final[Mapping[str, str]] = {
    "1h": "under an hour",
    "24h": "1 to 24 hours",
    "7d": "1 to 7 days",
    OLDER: "over 7 days",
}


def show(ask: Ask) -> Answer:
    """Show counts and a page of the matching dead letters."""
    wanted, kind = _wanted(ask, DeadLetterFilter.of(ask.asked))
    condition = wanted.condition(ask.viewer.workspace_id, ask.now_ms)
    letters = ask.services.api.letters
    page = letters.page(kind, condition, ask.asked("cursor"))
    counts = letters.count(kind, condition, ask.now_ms)
    owners = {each.text(Header.ENDPOINT_ID) for each in page.letters}
    known = labels_for(ask, {each for each in owners if each is not None})
    chosen = None if wanted.endpoint is None else label_or_deleted(ask, wanted.endpoint).name
    older = page.cursor and ask.url("/dead-letters", **wanted.given, cursor=page.cursor)
    values = {
        "wanted": wanted,
        "kind": kind,
        "kinds": list(Kind) if ask.viewer.is_operator else [],
        "counts": counts,
        "histograms": _histograms(ask, wanted, counts),
        "rows": [_row(ask, kind, each, known) for each in page.letters],
        "chips": [
            (each.text, ask.url("/dead-letters", **each.without))
            for each in chips(wanted.given, chosen)
        ],
        "endpoints": choices(ask),
        "types": list(CATALOGUE),
        "reasons": list(DEAD_DELIVERIES if kind is Kind.DELIVERIES else DEAD_RECORDS),
        "ranges": RANGES,
        "older": older,
        "is_first": ask.asked("cursor") is None,
        "newest_url": ask.url("/dead-letters", **wanted.given),
        "export_url": ask.url("/dead-letters/export", **wanted.given),
    }
    return Shown("dead_letters.html", values)


def export(ask: Ask) -> Answer:
    """Export the matching letters to a file for `plaudit dlq import`."""
    wanted, kind = _wanted(ask, DeadLetterFilter.of(ask.asked))
    condition = wanted.condition(ask.viewer.workspace_id, ask.now_ms)
    lines = begun(ask.services.api.letters, kind, condition)
    return Streamed(lines, JSON_LINES, "dead-letters.jsonl")


def export_of_job(ask: Ask) -> Answer:
    """Export the letters that a job would remove, as a backup."""
    job = ask.services.api.jobs.get(ask.at["id"], ask.viewer.workspace_id)
    match JobParamsHolder.model_validate({"params": job.params}).params:
        case RedriveParams() | PurgeParams() as params:
            kind = params.letters
            condition = parse(params.filter.options(job.workspace_id), ask.now_ms)
        case _:
            raise Refused(404, "this job is not for dead letters")
    return Streamed(
        begun(ask.services.api.letters, kind, condition), JSON_LINES, f"{job.job_id}.jsonl"
    )


def show_one(ask: Ask) -> Answer:
    """Show a letter: why it was given up, and its event."""
    _, kind = _wanted(ask, DeadLetterFilter(kind=ask.asked("kind")))
    found = ask.services.api.letters.find(kind, ask.at["id"], ask.viewer.workspace_id)
    letter = found.letter
    told = explain(letter.text(Header.REASON) or "", letter.number(Header.LAST_STATUS))
    endpoint = letter.text(Header.ENDPOINT_ID)
    values = {
        "letter": letter,
        "kind": kind,
        "summary": letter.summary(),
        "told": told,
        "label": None if endpoint is None else label_or_deleted(ask, endpoint),
        "headers": sorted((name, letter.text(name) or "") for name, _ in letter.headers),
        "event": pretty(found.event.encode()),
        "expires_ms": letter.dead_at_ms + RETENTION_MS,
    }
    return Shown("dead_letter.html", values)


def order(ask: Ask) -> Answer:
    """Queue a dry run for the selected letters, or for all that match."""
    wanted, kind = _wanted(ask, DeadLetterFilter.of(ask.given))
    action = ask.given("action") or "redrive"
    if action not in {"redrive", "purge"}:
        raise Refused(422, "choose to send again or to remove", field="action")
    # Exclude later letters, so that the run processes what the dry run counted.
    conditions = wanted.of_job(time_text(ask.now_ms), ask.all_given("id"))
    params = {"kind": action, "letters": str(kind), "filter": conditions, **bounds_of(ask)}
    return ordered(ask, params, None, dry_run=True)


def _wanted(ask: Ask, wanted: DeadLetterFilter) -> tuple[DeadLetterFilter, Kind]:
    kind = wanted.letters
    check_kind(kind, ask.viewer.workspace_id)
    return wanted, kind


def _row(ask: Ask, kind: Kind, letter: Letter, known: Mapping[str, Label]) -> dict[str, Any]:
    endpoint = letter.text(Header.ENDPOINT_ID)
    reason = letter.text(Header.REASON) or ""
    status = letter.number(Header.LAST_STATUS)
    label = known.get(endpoint or "")
    more = {} if kind is Kind.DELIVERIES else {"kind": str(kind)}
    return {
        "id": letter.id,
        "url": ask.url(f"/dead-letters/{letter.id}", **more),
        "type": letter.text("ce_type") or letter.text(Header.ORIGIN_TOPIC) or "unreadable",
        "label": label,
        "reason": reason,
        "told": explain(reason, status),
        "status": status,
        "attempts": letter.attempts,
        "at_ms": letter.dead_at_ms,
    }


def _histograms(
    ask: Ask, wanted: DeadLetterFilter, counts: LetterCounts
) -> list[tuple[str, list[ShareBar]]]:
    """Return the histograms with their titles; each bar links to its letters."""

    def url(**given: str | None) -> str:
        return ask.url("/dead-letters", **{**wanted.given, **given})

    heaviest = [each for each in counts.by["endpoint"] if each != NONE][:MOST_BARS]
    names = labels_for(ask, set(heaviest))
    reasons = bars(
        (reason, number, url(reason=reason), explain(reason).what)
        for reason, number in counts.by["reason"].items()
    )
    endpoints = bars(
        (names[each].name, number, url(endpoint=each), names[each].host)
        for each, number in counts.by["endpoint"].items()
        if each in names
    )
    ages = bars(
        (AGE_WORDS[age], number, url(**_span(age)), None)
        for age, number in counts.by["age"].items()
    )
    found = [("By reason", reasons), ("By endpoint", endpoints), ("By age", ages)]
    return [(title, drawn) for title, drawn in found if drawn]


def _span(age: str) -> dict[str, str | None]:
    """Return the conditions of an age group: from its bound to that of the younger group."""
    names = [*AGES, OLDER]
    place = names.index(age)
    since = None if age == OLDER else age
    return {"since": since, "until": names[place - 1] if place else None}
