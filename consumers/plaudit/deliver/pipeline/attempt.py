"""Attempter: writes and signs requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Final, NamedTuple, TypeAlias

from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.defects import Defects, Stage, defect_of
from plaudit.deliver.model.delivery import Delivery
from plaudit.endpoints.model import Endpoint
from plaudit.formats.shape import SOURCE, Rendered, Shape
from plaudit.records.names import Trigger
from plaudit.records.trace_context import request_headers
from plaudit.transport.addresses import Target
from plaudit.transport.answer import Answer
from plaudit.transport.errors import AddressRefused, TotalTimeout, TransportError
from plaudit.transport.request_head import header_lines, request_prefix
from plaudit.transport.sender import Sender

_CONTENT_TYPE: Final = b"application/json"
_USER_AGENT: Final = (b"user-agent", f"plaudit/{version('plaudit')}".encode())
_IS_REPLAY: Final = Trigger.REPLAY
_REPLAY: Final = b"plaudit-replay: true\r\n"
_IS_TEST: Final = Trigger.TEST
_TEST: Final = b"plaudit-test: true\r\n"
_CE_SOURCE: Final = "ce_source"
MOST_PREFIXES: Final = 20_000
"""Endpoints whose request heads are cached; about 300 bytes each."""


class RequestContent(NamedTuple):
    """Content of one request.

    Attributes:
        message_id: the `webhook-id`.
        body: the body that is signed and sent.
        trigger: cause of the request.
        write: writes the body in another payload format, in place of `body`; None: the standard
            one.
        trace: header lines of the trace context.
    """

    message_id: str
    body: bytes
    trigger: Trigger
    write: Callable[[], Rendered] | None = None
    trace: bytes = b""


Request: TypeAlias = "tuple[Target, bytes, bytes, bytes]"
"""Destination, prefix, lines and body of a signed request, as `Sender.start` receives them."""


class Attempter:
    """Writes and signs requests; belongs to the event loop's thread.

    Args:
        sender: the HTTP client.
        defects: counts and logs defects.

    Attributes:
        sender: the HTTP client.
    """

    def __init__(self, sender: Sender, defects: Defects | None = None) -> None:
        self.sender = sender
        self._defects = Defects() if defects is None else defects
        self._prefixes: dict[str, tuple[Endpoint, bytes]] = {}

    def request_of(self, delivery: Delivery, endpoint: Endpoint, now_ms: int) -> Request:
        """Return the request of a delivery; raises like `request`."""
        message_id, trigger = delivery.event.event_id, delivery.history.trigger
        trace, shape = request_headers(delivery.trace), endpoint.shape
        if shape is not None:
            write = partial(write_as, shape, delivery)
            content = RequestContent(message_id, delivery.body, trigger, write, trace)
            return self.request(content, endpoint, now_ms)
        target, body = target_of(endpoint), delivery.body
        prefix = self._prefix(target, endpoint)
        lines = signed_lines(endpoint, message_id, now_ms // 1_000, body)
        return target, prefix, lines + _trigger_line(trigger) + trace, body

    def request(self, content: RequestContent, endpoint: Endpoint, now_ms: int) -> Request:
        """Return a signed request.

        Args:
            content: content of the request.
            endpoint: receiver of the request.
            now_ms: epoch milliseconds; its seconds are the `webhook-timestamp`.

        Raises:
            AddressRefused: the endpoint's URL leads to a private address.
            RequestInvalid: one of the subscriber's headers can't be written.
        """
        target, body, more = target_of(endpoint), content.body, content.trace
        prefix = self._prefix(target, endpoint)
        if content.write is not None:
            body, headers = content.write()
            more += header_lines(headers)
        lines = signed_lines(endpoint, content.message_id, now_ms // 1_000, body)
        return target, prefix, lines + _trigger_line(content.trigger) + more, body

    async def send(self, content: RequestContent, endpoint: Endpoint) -> Attempted:
        """POST a request outside the pipeline, such as a test or a notice."""
        ended: asyncio.Future[Answer | TransportError] = asyncio.get_running_loop().create_future()
        now_ms = int(time.time() * 1_000)
        try:
            target, prefix, lines, body = self.request(content, endpoint, now_ms)
            started = self.sender.start(
                target, prefix, lines, body, partial(_end, ended), endpoint.workspace_id
            )
        except TransportError as refused:
            return Attempted(refused, now_ms)
        except Exception as crash:  # noqa: BLE001 - a defect is an outcome, too
            self._defects.note(Stage.ATTEMPT, crash)
            return Attempted(defect_of(crash), now_ms)
        try:
            return Attempted(await ended, now_ms)
        finally:
            # Cancels the exchange if the caller is cancelled; no effect once it has ended.
            started.cancel(TotalTimeout(phase=started.phase, sent=started.sent))

    def _prefix(self, target: Target, endpoint: Endpoint) -> bytes:
        """Return the constant head of requests to an endpoint, written once for each version.

        Raises:
            RequestInvalid: one of the subscriber's headers can't be written.
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


def target_of(endpoint: Endpoint) -> Target:
    """Return the destination of an endpoint's requests.

    Raises:
        AddressRefused: the endpoint's URL leads to a private address.
    """
    target = endpoint.target
    if not isinstance(target, Target):
        raise AddressRefused("the endpoint's URL", target, literal=True)
    return target


def signed_lines(endpoint: Endpoint, message_id: str, now_s: int, body: bytes) -> bytes:
    """Return the id, the timestamp and the signature of a request (Standard Webhooks)."""
    signature = endpoint.signer.sign(message_id, now_s, body)
    return b"webhook-id: %b\r\nwebhook-timestamp: %d\r\nwebhook-signature: %b\r\n" % (
        message_id.encode(),
        now_s,
        signature,
    )


def _trigger_line(trigger: Trigger) -> bytes:
    """Return the header that names the cause of a replayed event or a test."""
    if trigger is _IS_REPLAY:
        return _REPLAY
    return _TEST if trigger is _IS_TEST else b""


def write_as(shape: Shape, delivery: Delivery) -> Rendered:
    """Return a delivery in another payload format; its record's headers name the event's source."""
    headers = dict(delivery.record.headers())
    source = headers.get(_CE_SOURCE, b"").decode("utf-8", "replace")
    return shape.render(delivery.event, source or SOURCE)


def _end(future: asyncio.Future[Answer | TransportError], outcome: Answer | TransportError) -> None:
    if not future.done():
        future.set_result(outcome)
