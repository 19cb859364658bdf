"""One HTTP attempt: sign, POST, read the capped answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Final, NamedTuple

from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.defects import Defects, Stage, defect_of
from plaudit.endpoints.model import Endpoint
from plaudit.formats.shape import Rendered
from plaudit.records.names import Trigger
from plaudit.transport.addresses import Target
from plaudit.transport.answer import Answer
from plaudit.transport.errors import AddressRefused, TotalTimeout, TransportError
from plaudit.transport.progress import OnDone
from plaudit.transport.request_head import header_lines, request_prefix
from plaudit.transport.sender import ExchangeHandle, Sender

_CONTENT_TYPE: Final = b"application/json"
_USER_AGENT: Final = (b"user-agent", f"plaudit/{version('plaudit')}".encode())
_IS_REPLAY: Final = Trigger.REPLAY
_REPLAY: Final = b"plaudit-replay: true\r\n"
MOST_PREFIXES: Final = 20_000
"""Endpoints whose first lines are remembered; about 300 bytes each."""


class Parcel(NamedTuple):
    """What one request carries.

    Attributes:
        message_id: the `webhook-id`.
        body: as it is signed and sent.
        write: for an endpoint that wants another form: writes what is sent instead of `body`.
    """

    message_id: str
    body: bytes
    trigger: Trigger
    write: Callable[[], Rendered] | None = None


class Attempter:
    """Makes attempts; an outcome is always told, never raised. Belongs to the event loop's thread.

    Args:
        sender: the HTTP client.
        defects: counts and logs what our own code raises.
    """

    def __init__(self, sender: Sender, defects: Defects | None = None) -> None:
        self._sender = sender
        self._defects = Defects() if defects is None else defects
        self._prefixes: dict[str, tuple[Endpoint, bytes]] = {}

    def start(
        self, parcel: Parcel, endpoint: Endpoint, now_ms: int, on_done: OnDone
    ) -> ExchangeHandle | None:
        """Begin to POST; `on_done` is called once, never before this returns.

        Args:
            parcel: what is sent.
            endpoint: where to.
            now_ms: epoch milliseconds; its seconds are the `webhook-timestamp`.
            on_done: takes the outcome.

        Returns:
            What the attempt can be cancelled by; None when there is nothing to cancel.
        """
        try:
            return self._post(parcel, endpoint, now_ms // 1_000, on_done)
        except TransportError as refused:
            error = refused
        except Exception as crash:  # noqa: BLE001 - a defect of ours must not lose a delivery
            self._defects.note(Stage.ATTEMPT, crash)
            error = defect_of(crash)
        asyncio.get_running_loop().call_soon(on_done, error)
        return None

    def _post(
        self, parcel: Parcel, endpoint: Endpoint, now_s: int, on_done: OnDone
    ) -> ExchangeHandle:
        target = endpoint.target
        if not isinstance(target, Target):
            raise AddressRefused("the endpoint's URL", target, literal=True)
        prefix = self._prefix(target, endpoint)
        more = b""
        if parcel.write is not None:
            body, headers = parcel.write()
            parcel, more = parcel._replace(body=body), header_lines(headers)
        lines = request_lines(parcel, endpoint, now_s) + more
        return self._sender.start(
            target, prefix, lines, parcel.body, on_done, endpoint.workspace_id
        )

    async def send(self, parcel: Parcel, endpoint: Endpoint) -> Attempted:
        """POST something that is no delivery of the pipeline's: a test, a notice."""
        ended: asyncio.Future[Answer | TransportError] = asyncio.get_running_loop().create_future()
        now_ms = int(time.time() * 1_000)
        started = self.start(parcel, endpoint, now_ms, partial(_tell, ended))
        try:
            return Attempted(await ended, now_ms)
        finally:
            if started is not None:
                # Over, unless whoever waited was cancelled.
                started.cancel(TotalTimeout(phase=started.phase, sent=started.sent))

    def _prefix(self, target: Target, endpoint: Endpoint) -> bytes:
        """Return what every request to an endpoint begins with, written once for each version.

        Raises:
            RequestInvalid: a header of the subscriber's choice can't be written.
        """
        known = self._prefixes.get(endpoint.endpoint_id)
        if known is not None and known[0] is endpoint:
            return known[1]
        if len(self._prefixes) >= MOST_PREFIXES:
            self._prefixes.clear()
        shape = endpoint.shape
        content_type = _CONTENT_TYPE if shape is None else shape.content_type
        always = ((b"content-type", content_type), _USER_AGENT)
        prefix = request_prefix(target, (*always, *endpoint.headers))
        self._prefixes[endpoint.endpoint_id] = (endpoint, prefix)
        return prefix


def request_lines(parcel: Parcel, endpoint: Endpoint, now_s: int) -> bytes:
    """Return the headers of this request alone (Standard Webhooks; `webhook-timestamp` is now)."""
    message_id, body, trigger, _ = parcel
    lines = b"webhook-id: %b\r\nwebhook-timestamp: %d\r\nwebhook-signature: %b\r\n" % (
        message_id.encode(),
        now_s,
        endpoint.signer.sign(message_id, now_s, body),
    )
    return lines if trigger is not _IS_REPLAY else lines + _REPLAY


def _tell(
    future: asyncio.Future[Answer | TransportError], outcome: Answer | TransportError
) -> None:
    if not future.done():
        future.set_result(outcome)
