"""Summary of an endpoint's record: the fields that matching needs, parsed without the rest."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from plaudit.endpoints.candidate import Candidate
from plaudit.endpoints.filters import known_filter
from plaudit.records.endpoint import summary_of

_ACTIVE: Final = "active"
HEAD_START_MS: Final = 2_000
"""Time between acceptance and service of an endpoint, in which every worker reads its record."""


def candidate_of(value: bytes, moment: int, *, readable: bool) -> Candidate:
    """Return the fields of a record that matching needs.

    Args:
        value: the record; its seal may follow.
        moment: see `active_from_ms`.
        readable: whether its status applies: an endpoint that can't be decrypted is matched as if
            it were served.
    """
    read = summary_of(value)
    ended_ms = None if read["status"] == _ACTIVE or not readable else read["status_since"] or 0
    return Candidate(
        read["endpoint_id"],
        same(read["workspace_id"]),
        read["version"],
        names(tuple(read["event_types"])),
        names(tuple(read["spaces"])),
        active_from_ms(moment, read["active_from"]),
        known_filter(read["content_filter"]),
        ended_ms,
        readable,
    )


def active_from_ms(moment: int, said_ms: int) -> int:
    """Return the start of an endpoint's service.

    Args:
        moment: start of its service; if negative, the append time of its only record, negated minus
            one.
        said_ms: the moment in its record.
    """
    return moment if moment >= 0 else served_from(said_ms, -1 - moment, None)


@lru_cache(maxsize=1_024)
def names(given: tuple[str, ...]) -> frozenset[str]:
    """Return names as a set, one for all endpoints that want the same: 216 bytes each."""
    return frozenset(given)


@lru_cache(maxsize=1_024)
def same(text: str) -> str:
    """Return one object for equal texts, such as the id of a workspace: 85 bytes each."""
    return text


def served_from(said_ms: int, appended_ms: int, known: Candidate | None) -> int:
    """Return the start of an endpoint's service, by the brokers' clock.

    The moment in its record comes from the clock of the machine that wrote it. If that clock were
    an hour ahead, the endpoint would receive nothing for an hour.

    Args:
        said_ms: the moment in the record.
        appended_ms: when the record was appended; 0: unknown.
        known: the endpoint before this record; a served one stays served when a later record
            changes it.
    """
    latest_ms = appended_ms + HEAD_START_MS
    if not appended_ms or said_ms <= latest_ms:
        return said_ms
    if known is not None and known.ended_ms is None:
        return min(known.active_from_ms, latest_ms)
    return latest_ms
