"""Descriptions of jobs: title, progress and report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from plaudit.console.views.bars import ShareBar, bars
from plaudit.console.views.words import Mark, plural
from plaudit.dlq.job.rules import REMEDIES, Skip
from plaudit.store.jobs.job_model import JobKind, JobState, StoredJob

MARKS: Final[Mapping[str, Mark]] = {
    JobState.QUEUED: Mark("waiting", "queued"),
    JobState.RUNNING: Mark("waiting", "running"),
    JobState.DONE: Mark("delivered", "done"),
    JobState.FAILED: Mark("failed", "failed"),
    JobState.CANCELLED: Mark("quiet", "stopped"),
}
_TITLES: Final[Mapping[str, str]] = {
    JobKind.REDRIVE: "Send dead letters again",
    JobKind.PURGE: "Remove dead letters",
    JobKind.REPLAY: "Replay events",
    JobKind.RECOVERY: "Recover missed events",
    JobKind.RETRY: "Retry deliveries",
}
_NOUNS: Final[Mapping[str, tuple[str, str]]] = {
    JobKind.REDRIVE: ("dead letter", "dead letters"),
    JobKind.PURGE: ("dead letter", "dead letters"),
    JobKind.REPLAY: ("event", "events"),
    JobKind.RECOVERY: ("delivery", "deliveries"),
    JobKind.RETRY: ("delivery", "deliveries"),
}

_REMEDIES: Final[Mapping[str, str]] = {
    Skip.ENDPOINT_DISABLED: "enable the endpoint on its page, which also sends what it missed",
    Skip.ENDPOINT_UNKNOWN: "the endpoint was deleted; remove them",
}
"""Remedies that the console offers itself, in place of commands."""


def title_of(job: StoredJob) -> str:
    """Return the title of a job."""
    return _TITLES[job.kind]


def verb_of(job: StoredJob) -> str:
    """Return the participle of the job's verb, such as `redriven`."""
    return "removed" if job.kind == JobKind.PURGE else "sent"


def counted(job: StoredJob, number: int) -> str:
    """Return a number with the noun of the job's records."""
    return plural(number, *_NOUNS[job.kind])


def verdict_of(job: StoredJob) -> str:
    """Return the progress or the result of a job, as a sentence."""
    verb = verb_of(job)
    if job.error:
        return f"{job.error[:1].upper()}{job.error[1:].rstrip('.')}."
    if job.state == JobState.QUEUED:
        return "It waits for a runner (`plaudit record` or `plaudit jobs run`), or for another job."
    if job.dry_run and job.state == JobState.DONE:
        return f"{counted(job, job.chosen)} would be {verb}. Nothing was changed."
    if job.is_over:
        return f"{counted(job, job.moved)} of {job.chosen:,} {verb}."
    if job.note:
        return f"It waits: {job.note}. {job.moved:,} of {job.chosen:,} {verb}."
    if job.dry_run or not job.chosen:
        return "It is counting."
    return f"{job.moved:,} of {counted(job, job.chosen)} {verb}."


def chosen_endpoints(job: StoredJob) -> list[str]:
    """Return the ids of the endpoints in a job's parameters."""
    one = job.params.get("endpoint_id")
    some = (job.params.get("filter") or {}).get("endpoint_ids") or []
    return [str(each) for each in ([] if one is None else [one]) + some]


def conditions_of(job: StoredJob, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the parameters of a job as names and values, without unset conditions.

    Args:
        job: the job.
        names: names of the endpoints, by id.
    """
    given = {**job.params, **(job.params.get("filter") or {})}
    for name in ("kind", "filter", "letters", "endpoint_id", "endpoint_ids"):
        given.pop(name, None)
    if chosen := chosen_endpoints(job):
        given = {"endpoint": [names.get(each, each) for each in chosen], **given}
    return [
        (name.replace("_", " "), _text(value))
        for name, value in given.items()
        if value not in (None, [], False, "")
    ]


@dataclass(frozen=True, slots=True)
class Left:
    """Records that a job skipped.

    Attributes:
        what: number and noun.
        reason: reason code.
        way_out: remedy.
    """

    number: int
    what: str
    reason: str
    way_out: str


def left_of(job: StoredJob) -> list[Left]:
    """Return the records that a job skipped, by reason."""
    every = (*REMEDIES.items(), *_REMEDIES.items())
    ways = {str(reason): text for reason, text in every}
    return [
        Left(number, counted(job, number), reason, ways.get(reason, ""))
        for part in services_of(job)
        for reason, number in (part.get("skipped") or {}).items()
    ]


def remarks_of(job: StoredJob) -> list[str]:
    """Return further remarks in a report about its range."""
    lines = []
    for part in services_of(job):
        if number := part.get("removed_by_retention_at_most"):
            lines.append(f"Retention has removed up to {number:,} records of this period.")
        if number := part.get("undecodable"):
            lines.append(f"{number:,} records can't be read as events.")
        if number := part.get("schema_unknown"):
            lines.append(f"{number:,} events have an unknown schema; they can be replayed later.")
    return lines


def histograms_of(job: StoredJob, names: Mapping[str, str]) -> list[tuple[str, list[ShareBar]]]:
    """Return the histograms of a job's records.

    Args:
        job: the job.
        names: names of the endpoints, by id.
    """
    found: list[tuple[str, list[ShareBar]]] = []
    for part in services_of(job):
        counts: Mapping[str, Mapping[str, int]] = part.get("counts") or {}
        for name in ("reason", "endpoint", "type"):
            values = counts.get(name) or {}
            drawn = bars(
                (names.get(each, each), number, None, None) for each, number in values.items()
            )
            if drawn:
                found.append((f"By {name}", drawn))
    return found


def endpoints_of(job: StoredJob) -> set[str]:
    """Return the ids of endpoints in a report."""
    return {
        each
        for part in services_of(job)
        for each in ((part.get("counts") or {}).get("endpoint") or {})
    }


def services_of(job: StoredJob) -> Sequence[Mapping[str, Any]]:
    """Return the reports of a job: one, or one for each step of a recovery."""
    report = job.report or {}
    return report.get("parts") or [report]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value[:5])) + (
            f" and {len(value) - 5:,} more" if value[5:] else ""
        )
    return "yes" if value is True else str(value)
