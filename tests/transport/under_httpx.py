"""The engine as a transport of `httpx.AsyncClient`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx

from plaudit.transport import errors
from plaudit.transport.addresses import check_url
from plaudit.transport.engine.engine import Engine
from plaudit.transport.request_head import OURS

_MEANS: Final[Mapping[type[errors.TransportError], type[httpx.TransportError]]] = {
    errors.RequestInvalid: httpx.LocalProtocolError,
    errors.AddressRefused: httpx.ConnectError,
    errors.LookUpsBusy: httpx.ConnectTimeout,
    errors.DnsTimeout: httpx.ConnectTimeout,
    errors.DnsFailed: httpx.ConnectError,
    errors.ProxyRefused: httpx.ProxyError,
    errors.ConnectFailed: httpx.ConnectError,
    errors.ConnectTimeout: httpx.ConnectTimeout,
    errors.TlsFailed: httpx.ConnectError,
    errors.TlsTimeout: httpx.ConnectTimeout,
    errors.WriteFailed: httpx.WriteError,
    errors.WriteTimeout: httpx.WriteTimeout,
    errors.FirstByteTimeout: httpx.ReadTimeout,
    errors.ConnectionLost: httpx.ReadError,
    errors.AnswerMalformed: httpx.RemoteProtocolError,
    errors.TotalTimeout: httpx.ReadTimeout,
}


class EngineTransport(httpx.AsyncBaseTransport):
    """Sends what a client asks for through an engine; its time-outs and limits are the engine's.

    Whole answers need an engine that keeps as much as it reads (`Caps`): one whose body was longer
    than what is kept ends with `httpx.ReadError`, never as if it were complete.

    Args:
        engine: closed with the client.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return its answer, read to the end.

        Raises:
            httpx.TransportError: no complete answer; caused by ours.
        """
        try:
            target = check_url(str(request.url))
        except errors.UrlRefused as refused:
            raise httpx.UnsupportedProtocol(refused.reason, request=request) from refused
        headers = [each for each in request.headers.raw if each[0].lower() not in OURS]
        method, body = request.method.encode(), await request.aread()
        try:
            answer = await self._engine.post(target, headers, body, method)
        except errors.TransportError as error:
            raise _MEANS.get(type(error), httpx.TransportError)(str(error)) from error
        if answer.truncated:
            raise httpx.ReadError("the answer's body is over the cap", request=request)
        return httpx.Response(answer.status, headers=answer.raw_headers, content=answer.snippet)

    async def aclose(self) -> None:
        """Close the engine."""
        await self._engine.aclose()
