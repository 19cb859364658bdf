"""Page of a delivery: its verdict, a timeline of attempts, the sent request, and a retry."""

from __future__ import annotations

from typing import Any

import orjson

from plaudit.api.auth import check_quota
from plaudit.console.asking import Answer, Ask, Redirected, Shown
from plaudit.console.pages.labels import label_or_deleted
from plaudit.console.views.timeline import phases, timeline
from plaudit.console.views.verdict import status_words, verdict
from plaudit.console.views.words import mark_of, outcome_mark
from plaudit.control.sent_request import sent_request
from plaudit.control.views import OwnHeaders
from plaudit.records.explanations import explain
from plaudit.store.endpoints.changes import NoSuchEndpoint
from plaudit.store.log.queries import Attempt
from plaudit.store.log.query import State


def show(ask: Ask) -> Answer:
    """Show a delivery."""
    attempts = ask.services.log.attempts(ask.at["id"], ask.viewer.workspace_id)
    latest = attempts[-1]
    values = {
        "latest": latest,
        "mark": mark_of(latest),
        "label": label_or_deleted(ask, latest.endpoint_id),
        "verdict": verdict(attempts),
        "points": timeline(attempts),
        "attempts": [_attempt(each) for each in reversed(attempts)],
        "may_retry": ask.viewer.may_write and latest.state is not State.CANCELLED,
        "retry_word": "Send again" if latest.state is not State.PENDING else "Send now",
        "same_url": ask.url(
            "/deliveries", endpoint=latest.endpoint_id, state=_same_state(latest), since="24h"
        ),
    }
    return Shown("delivery.html", values)


def show_request(ask: Ask) -> Answer:
    """Show the sent request, reconstructed from the event in Kafka or in the database."""
    attempts = ask.services.log.attempts(ask.at["id"], ask.viewer.workspace_id)
    latest = next((each for each in reversed(attempts) if each.is_http), attempts[-1])
    try:
        endpoint = ask.services.api.endpoints.get(latest.endpoint_id)
        private = ask.services.api.endpoints.private(endpoint)
        own = OwnHeaders(endpoint.version, tuple(private.headers))
        form = endpoint.format
    except NoSuchEndpoint:
        own, form = None, "standard"
    sent = sent_request(ask.services.api.source, latest, form, own)
    values = {"sent": sent, "body": None if sent.body is None else pretty(sent.body)}
    return Shown("part_request.html", values)


def retry(ask: Ask) -> Answer:
    """Retry a delivery now."""
    check_quota(ask.services.api.quotas.retries, ask.viewer.caller)
    ask.services.api.retrier.retry(ask.at["id"], ask.viewer.workspace_id)
    return Redirected(ask.url(f"/deliveries/{ask.at['id']}", done="sent"))


def pretty(body: bytes) -> str:
    """Format a body for people: JSON with a field per line, other text unchanged."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")


def _attempt(attempt: Attempt) -> dict[str, Any]:
    told = explain(attempt.reason, attempt.status)
    failed = attempt.outcome != "delivered"
    snippet = attempt.answer_snippet
    return {
        "row": attempt,
        "mark": outcome_mark(attempt),
        "status": status_words(attempt) if attempt.is_http else None,
        "phases": phases(attempt),
        "told": told if failed else None,
        "answer": None if snippet is None else snippet.decode("utf-8", "replace"),
        "headers": sorted((attempt.answer_headers or {}).items()),
        "is_open": failed and bool(snippet or attempt.error),
    }


def _same_state(latest: Attempt) -> str:
    words = {State.PENDING: "waiting", State.DEAD: "dead", State.CANCELLED: "cancelled"}
    return words.get(latest.state, "delivered")
