"""HTTP client of all test sends, which share a TLS context and connections."""

from __future__ import annotations

import asyncio

from plaudit.deliver.http_client import make_context, make_sender
from plaudit.deliver.settings import HttpSettings
from plaudit.transport.sender import Sender


class SharedSender:
    """Creates the client on first use; belongs to one event loop.

    Args:
        settings: HTTP settings of the workers.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._sender: asyncio.Task[Sender] | None = None

    async def sender(self) -> Sender:
        """Return the client.

        Raises:
            SettingsError: a certificate can't be loaded.
        """
        if self._sender is None:
            self._sender = asyncio.create_task(self._made())
        try:
            return await asyncio.shield(self._sender)
        except Exception:
            self._sender = None
            raise

    async def aclose(self) -> None:
        """Close the client's connections."""
        if self._sender is not None:
            await (await self._sender).aclose()
            self._sender = None

    async def _made(self) -> Sender:
        context = await asyncio.to_thread(make_context, self._settings)
        return make_sender(self._settings, context)
