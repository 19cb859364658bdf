"""Implementation of `plaudit endpoints test`, the only command here that needs the HTTP engine."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from plaudit.control.testing import Tested, send_test
from plaudit.deliver.http_client import make_context, make_sender
from plaudit.deliver.settings import DeliverSettings
from plaudit.records.explanations import explain
from plaudit.store.endpoints.rows import StoredEndpoint

MOST_SHOWN: Final = 200
"""Most characters of the answer to print."""
_PHRASES: Final = {int(each): each.phrase for each in HTTPStatus}


def send_now(stored: StoredEndpoint, event_type: str | None) -> Tested:
    """Send an example to an endpoint, with the workers' settings; see `send_test`."""
    return asyncio.run(_send(stored, event_type, DeliverSettings()))


async def _send(
    stored: StoredEndpoint, event_type: str | None, settings: DeliverSettings
) -> Tested:
    sender = make_sender(settings.http, make_context(settings.http))
    try:
        return await send_test(stored, event_type, settings.seal.keys, sender)
    finally:
        await sender.aclose()


def result_line(tested: Tested) -> str:
    """Return the result of a test send as one line, such as `OK: 204 No Content in 3 ms`."""
    attempted = tested.attempted
    if attempted.status is None:
        return f"failed: {attempted.error}"
    phrase = _PHRASES.get(attempted.status, "")
    took_ms = attempted.outcome.timings.total_ms or 0.0
    head = "OK" if tested.succeeded else "failed"
    said = " ".join((tested.answer or "").split())[:MOST_SHOWN]
    line = f"{head}: {attempted.status} {phrase}".rstrip() + f" in {took_ms:,.0f} ms"
    # A test send is not retried, so that the advice about retries does not apply.
    advice = "" if tested.succeeded else f" ({explain('status', attempted.status).what})"
    return f"{line}{f': {said}' if said else ''}{advice}"


def shown(tested: Tested) -> dict[str, Any]:
    """Return the result of a test send as plain data."""
    return {
        "id": tested.message_id,
        "type": tested.event_type,
        "status": tested.attempted.status,
        "error": tested.attempted.error,
        "succeeded": tested.succeeded,
        "answer": tested.answer,
        "passes_filter": tested.matches,
    }
