"""Answers that differ from another one in a few fields."""

from __future__ import annotations

from typing import Any

from plaudit.transport.answer import Answer


def altered(answer: Answer, **changes: Any) -> Answer:
    """Return a copy of an answer with some fields changed."""
    fields: dict[str, Any] = {
        "status": answer.status,
        "raw_headers": answer.raw_headers,
        "snippet": answer.snippet,
        "truncated": answer.truncated,
        "timings": answer.timings,
        "bytes_sent": answer.bytes_sent,
    }
    return Answer(**{**fields, **changes})
