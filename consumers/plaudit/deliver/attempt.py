"""One HTTP attempt: sign, POST, read the capped answer."""

from __future__ import annotations

import logging
import time
from importlib.metadata import version
from typing import Final, NamedTuple

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


class Parcel(NamedTuple):
    """What one request carries.

    Attributes:
        message_id: the `webhook-id`.
        body: as it is signed and sent.
    """

    message_id: str
    body: bytes
    trigger: Trigger


class Attempter:
    """Makes attempts; an outcome is always returned, never raised.

    Args:
        sender: the HTTP client.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def run(self, delivery: Delivery, endpoint: Endpoint) -> Attempted:
        """POST the delivery to its endpoint."""
        parcel = Parcel(delivery.event.event_id, delivery.body, delivery.history.trigger)
        return await self.send(parcel, endpoint)

    async def send(self, parcel: Parcel, endpoint: Endpoint) -> Attempted:
        """POST something that is no delivery of the pipeline's: a test, a notice."""
        now = time.time()
        return Attempted(await self._post(parcel, endpoint, int(now)), int(now * 1_000))

    async def _post(
        self, parcel: Parcel, endpoint: Endpoint, now_s: int
    ) -> Answer | TransportError:
        target = endpoint.target
        if not isinstance(target, Target):
            return AddressRefused("the endpoint's URL", target, literal=True)
        headers = request_headers(parcel, endpoint, now_s)
        try:
            return await self._sender.post(target, headers, parcel.body)
        except TransportError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
            # It is retried, and we hear of it.
            _log.exception("attempt.crashed", extra={"event_id": parcel.message_id})
            return TransportError(f"defect in the worker: {error!r}")


def request_headers(parcel: Parcel, endpoint: Endpoint, now_s: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of the request (Standard Webhooks; `webhook-timestamp` is now)."""
    headers = [
        *_ALWAYS,
        (b"webhook-id", parcel.message_id.encode()),
        (b"webhook-timestamp", b"%d" % now_s),
        (b"webhook-signature", endpoint.signer.sign(parcel.message_id, now_s, parcel.body)),
        *endpoint.headers,
    ]
    if parcel.trigger is Trigger.REPLAY:
        headers.append(_REPLAY)
    return headers
