"""Implementation of `plaudit endpoints test`, the only command here that needs the HTTP engine."""

from __future__ import annotations

import asyncio

from plaudit.control.testing import Tested, send_test
from plaudit.deliver.http_client import make_context, make_sender
from plaudit.deliver.settings import DeliverSettings
from plaudit.store.endpoints.rows import StoredEndpoint


def send_now(stored: StoredEndpoint, event_type: str) -> Tested:
    """Send an example of an event type to an endpoint, with the workers' settings."""
    return asyncio.run(_send(stored, event_type, DeliverSettings()))


async def _send(stored: StoredEndpoint, event_type: str, settings: DeliverSettings) -> Tested:
    sender = make_sender(settings.http, make_context(settings.http))
    try:
        return await send_test(stored, event_type, settings.seal.keys, sender)
    finally:
        await sender.aclose()
