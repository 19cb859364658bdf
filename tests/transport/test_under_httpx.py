"""The engine as a transport of httpx."""

from __future__ import annotations

import httpx
import pytest

from plaudit.transport.sender import Caps
from transport.conftest import MakeEngine
from transport.senders import (
    BODY,
    HEADERS,
    OK,
)
from transport.server import answering, serving
from transport.under_httpx import EngineTransport


async def test_httpx_can_be_used_on_top(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        transport = EngineTransport(engine())
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.post(server.url, content=BODY, headers=list(HEADERS))
            assert (answer.status_code, answer.text) == (200, "ok")
            assert server.requests[0].endswith(BODY)


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://10.0.0.1/", httpx.ConnectError),
        ("http://127.0.0.1:1/", httpx.ConnectError),
        ("http://user:secret@127.0.0.1/", httpx.UnsupportedProtocol),
    ],
)
async def test_httpx_sees_errors_of_its_own_kind(
    engine: MakeEngine, url: str, failure: type[httpx.TransportError]
) -> None:
    async with httpx.AsyncClient(transport=EngineTransport(engine())) as client:
        with pytest.raises(failure):
            await client.post(url)


async def test_httpx_never_reads_a_part_of_an_answer_as_if_it_were_all(engine: MakeEngine) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) as server:
        transport = EngineTransport(engine(caps=Caps(kept_bytes=1)))
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.ReadError):
                await client.post(server.url)
