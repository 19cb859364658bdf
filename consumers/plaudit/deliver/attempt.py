"""One HTTP attempt: sign, POST, read the capped answer."""

from __future__ import annotations

import logging
import time
from importlib.metadata import version
from typing import Final

from plaudit.deliver.delivery import Delivery
from plaudit.deliver.moves import Attempted
from plaudit.endpoints.model import Endpoint
from plaudit.records.names import Trigger
from plaudit.transport.addresses import Target
from plaudit.transport.answer import Answer
from plaudit.transport.errors import AddressRefused, TransportError
from plaudit.transport.sender import Sender

_log = logging.getLogger(__name__)

_ALWAYS: Final = (
    (b"content-type", b"application/json"),
    (b"user-agent", f"plaudit/{version('plaudit')}".encode()),
)
_REPLAY: Final = (b"plaudit-replay", b"true")


class Attempter:
    """Makes attempts; an outcome is always returned, never raised.

    Args:
        sender: the HTTP client.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def run(self, delivery: Delivery, endpoint: Endpoint) -> Attempted:
        """POST the delivery to its endpoint."""
        now = time.time()
        return Attempted(await self._post(delivery, endpoint, int(now)), int(now * 1_000))

    async def _post(
        self, delivery: Delivery, endpoint: Endpoint, now_s: int
    ) -> Answer | TransportError:
        target = endpoint.target
        if not isinstance(target, Target):
            return AddressRefused("the endpoint's URL", target, literal=True)
        headers = request_headers(delivery, endpoint, now_s)
        try:
            return await self._sender.post(target, headers, delivery.body)
        except TransportError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
            # It is retried, and we hear of it.
            _log.exception("attempt.crashed", extra={"event_id": delivery.event.event_id})
            return TransportError(f"defect in the worker: {error!r}")


def request_headers(
    delivery: Delivery, endpoint: Endpoint, now_s: int
) -> list[tuple[bytes, bytes]]:
    """Return the headers of the request (Standard Webhooks; `webhook-timestamp` is now)."""
    message_id = delivery.event.event_id
    headers = [
        *_ALWAYS,
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", b"%d" % now_s),
        (b"webhook-signature", endpoint.signer.sign(message_id, now_s, delivery.body)),
        *endpoint.headers,
    ]
    if delivery.history.trigger is Trigger.REPLAY:
        headers.append(_REPLAY)
    return headers
