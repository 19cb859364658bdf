"""The reference implementation of a sender: httpcore's connections under httpx's interface.

What is ours is what safety needs: addresses are checked and dialed by `Dialer`, every origin has a
pool of its own, answers are capped, and errors are named by stage.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

import httpcore
import httpx

from plaudit.transport.addresses import Origin, Target
from plaudit.transport.answer import Answer
from plaudit.transport.error_text import transport_error_of
from plaudit.transport.errors import (
    AnswerMalformed,
    ConnectionLost,
    FirstByteTimeout,
    Phase,
    RequestInvalid,
    TotalTimeout,
    TransportError,
)
from plaudit.transport.net.dialer import Dialer
from plaudit.transport.progress import OnDone, Progress
from plaudit.transport.request_head import read_lines
from plaudit.transport.sender import Caps, PoolLimits, Sender
from transport.wire import Wire

_TARGET: Final = "plaudit.target"


class _Exchange:
    """With its task, and what httpcore does not count."""

    __slots__ = ("_on_done", "ended", "head_bytes", "in_head", "progress", "task")

    def __init__(self, on_done: OnDone, owner: str) -> None:
        self.progress = Progress(owner)
        self._on_done: OnDone | None = on_done
        self.task: asyncio.Task[None] | None = None
        self.in_head = True
        self.head_bytes = 0
        self.ended = False

    @property
    def phase(self) -> Phase:
        """See `Started.phase`."""
        return self.progress.phase

    @property
    def sent(self) -> bool:
        """See `Started.sent`."""
        return self.progress.sent

    def cancel(self, error: TransportError) -> None:
        """See `ExchangeHandle.cancel`."""
        if self.task is not None:
            self.task.cancel()
        self.end(error)

    def end(self, result: Answer | TransportError) -> None:
        """Tell the caller, unless that was done."""
        on_done, self._on_done = self._on_done, None
        if on_done is not None:
            self.progress.finish(on_done, result)


_running: ContextVar[_Exchange] = ContextVar("exchange")
"""The exchange that the running task makes: connections are shared, exchanges are not."""


class _Stream(httpcore.AsyncNetworkStream):
    """A wire in httpcore's terms; it keeps the notes of whichever exchange uses it."""

    def __init__(self, wire: Wire, dialer: Dialer, caps: Caps) -> None:
        self._wire = wire
        self._dialer = dialer
        self._caps = caps

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        del timeout
        exchange = _running.get()
        progress = exchange.progress
        if not progress.answered:
            progress.phase = "first_byte"
            try:
                async with asyncio.timeout(self._dialer.timeouts.first_byte_s):
                    data = await self._wire.read(min(max_bytes, self._caps.head_bytes))
            except TimeoutError:
                raise FirstByteTimeout from None
            if data:
                progress.received()
            else:
                # httpcore would call it a protocol error.
                detail = "closed before an answer"
                raise ConnectionLost(detail, phase="first_byte")
            exchange.head_bytes += len(data)
            return data
        if exchange.in_head:
            left = self._caps.head_bytes - exchange.head_bytes
            if left <= 0:
                detail = f"its head is over {self._caps.head_bytes} bytes"
                raise AnswerMalformed(detail)
            data = await self._wire.read(min(max_bytes, left))
            exchange.head_bytes += len(data)
        else:
            data = await self._wire.read(max_bytes)
        exchange.ended = not data
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        del timeout
        progress = _running.get().progress
        progress.writing(progress.bytes_sent + len(buffer))
        await self._wire.write(buffer, self._dialer.timeouts.write_s)

    async def aclose(self) -> None:
        self._wire.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        del timeout
        progress = _running.get().progress
        progress.phase = "tls"
        began_s = asyncio.get_running_loop().time()
        try:
            await self._wire.start_tls(
                ssl_context, server_hostname or "", self._dialer.timeouts.tls_s
            )
        finally:
            progress.tls_ms = (asyncio.get_running_loop().time() - began_s) * 1e3
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._wire.stale if info == "is_readable" else None


class _Backend(httpcore.AsyncNetworkBackend):
    """Dials for httpcore: only where the policy allows."""

    def __init__(self, target: Target, dialer: Dialer, caps: Caps) -> None:
        self._target = target
        self._dialer = dialer
        self._caps = caps

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        del host, port, timeout, local_address, socket_options
        sock = await self._dialer.connect(self._target, _running.get().progress)
        return _Stream(await Wire.over(sock), self._dialer, self._caps)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Body(httpx.AsyncByteStream):
    """The body of an answer; closing it early closes the connection."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()


class _Pool:
    """Connections to one origin, with a queue of its own."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, limit: int) -> None:
        self.pool = pool
        self.slots = asyncio.Semaphore(limit)
        self.users = 0


class CheckedTransport(httpx.AsyncBaseTransport):
    """httpcore under httpx's interface, a pool for each origin.

    Args:
        dialer: checks and connects.
        tls: for https.
        caps: of answers.
        limits: of pools.
    """

    def __init__(self, dialer: Dialer, tls: ssl.SSLContext, caps: Caps, limits: PoolLimits) -> None:
        self._dialer = dialer
        self._tls = tls
        self._caps = caps
        self._limits = limits
        self._pools: OrderedDict[tuple[str, Origin], _Pool] = OrderedDict()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request to the target in its extensions; the caller reads and closes.

        Raises:
            TransportError: no answer; says at which stage.
        """
        target: Target = request.extensions[_TARGET]
        sent = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=target.scheme,
                host=target.host,
                port=target.port,
                target=target.path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"sni_hostname": target.host},
        )
        response = await self.pool(target).pool.handle_async_request(sent)
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def pool(self, target: Target) -> _Pool:
        """Return the pool of a target's origin; the longest unused one makes room for a new one."""
        key = (_running.get().progress.owner, target.origin)
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = _Pool(
                httpcore.AsyncConnectionPool(
                    ssl_context=self._tls,
                    max_connections=None,
                    max_keepalive_connections=self._limits.per_origin,
                    keepalive_expiry=self._limits.idle_s,
                    http1=True,
                    http2=False,
                    network_backend=_Backend(target, self._dialer, self._caps),
                ),
                self._limits.per_origin,
            )
        self._pools.move_to_end(key)
        return found

    async def trim(self) -> None:
        """Close unused pools, the longest unused first, down to the limit."""
        excess = max(0, len(self._pools) - self._limits.idle_total)
        unused = [key for key, each in self._pools.items() if not each.users]
        for key in unused[:excess]:
            await self._pools.pop(key).pool.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        while self._pools:
            _, found = self._pools.popitem()
            await found.pool.aclose()


class HttpxSender(Sender):
    """A `Sender` over the stock client.

    Args:
        dialer: checks addresses and connects; its time-outs are those of the exchanges.
        tls: for https; see `tls_context`.
        caps: of answers.
        limits: of pools.
    """

    def __init__(
        self,
        dialer: Dialer,
        tls: ssl.SSLContext,
        caps: Caps | None = None,
        limits: PoolLimits | None = None,
    ) -> None:
        self._caps = caps or Caps()
        self._under_way: set[_Exchange] = set()
        self._total_s = dialer.timeouts.total_s
        self._transport = CheckedTransport(dialer, tls, self._caps, limits or PoolLimits())

    def start(
        self,
        target: Target,
        prefix: bytes,
        lines: bytes,
        body: bytes,
        on_done: OnDone,
        owner: str = "",
    ) -> _Exchange:
        """See `Sender.start`; here it takes a task."""
        exchange = _Exchange(on_done, owner)
        exchange.task = asyncio.create_task(
            self._run(exchange, target, _request(target, prefix + lines, body))
        )
        self._under_way.add(exchange)
        exchange.task.add_done_callback(partial(self._over, exchange))
        return exchange

    def _over(self, exchange: _Exchange, task: asyncio.Task[None]) -> None:
        """However the task has ended, the caller hears of it."""
        self._under_way.discard(exchange)
        error = ConnectionLost("cancelled") if task.cancelled() else task.exception()
        if error is not None:
            exchange.end(transport_error_of(error))

    async def aclose(self) -> None:
        """See `Sender.aclose`."""
        under_way = list(self._under_way)
        for exchange in under_way:
            exchange.cancel(ConnectionLost("the sender was closed", phase=exchange.phase))
        await asyncio.gather(
            *(each.task for each in under_way if each.task is not None), return_exceptions=True
        )
        await self._transport.aclose()

    async def _run(self, exchange: _Exchange, target: Target, request: httpx.Request) -> None:
        _running.set(exchange)
        try:
            async with asyncio.timeout(self._total_s):
                result: Answer | TransportError = await self._post(target, request, exchange)
        except TimeoutError:
            result = TotalTimeout(phase=exchange.phase, sent=exchange.sent)
        except TransportError as failed:
            result = failed
        except httpcore.RemoteProtocolError as failed:
            cut = exchange.ended
            result = ConnectionLost(str(failed)) if cut else AnswerMalformed(str(failed))
        except httpcore.LocalProtocolError as failed:
            result = RequestInvalid(str(failed))
        exchange.end(result)

    async def _post(self, target: Target, request: httpx.Request, exchange: _Exchange) -> Answer:
        exchange.progress.phase = "wait"
        pool = self._transport.pool(target)
        pool.users += 1
        try:
            async with pool.slots:
                return await self._exchange(request, exchange)
        finally:
            pool.users -= 1
            await self._transport.trim()

    async def _exchange(self, request: httpx.Request, exchange: _Exchange) -> Answer:
        progress = exchange.progress
        try:
            response = await self._transport.handle_async_request(request)
        except TransportError as error:
            kept = progress.connect_ms is None and progress.sent
            if progress.answered or not kept or isinstance(error, FirstByteTimeout):
                raise
            # A kept connection that the other side closed just then; nothing of an answer came.
            progress.bytes_sent = 0
            response = await self._transport.handle_async_request(request)
        exchange.in_head = False
        try:
            return await self._read(response, progress)
        finally:
            await response.aclose()

    async def _read(self, response: httpx.Response, progress: Progress) -> Answer:
        if response.status_code < 200:
            msg = f"status {response.status_code} is none to end with"
            raise AnswerMalformed(msg)
        kept = bytearray()
        size = 0
        async for part in response.aiter_raw():
            size += len(part)
            kept += part[: self._caps.kept_bytes - len(kept)]
            if size >= self._caps.read_bytes:
                break
        return Answer(
            response.status_code,
            tuple(response.headers.raw),
            bytes(kept),
            truncated=size > len(kept),
            timings=progress.timings(),
            bytes_sent=progress.bytes_sent,
        )


def _request(target: Target, head: bytes, body: bytes) -> httpx.Request:
    method = head.partition(b" ")[0].decode()
    headers = [*read_lines(head), (b"content-length", b"%d" % len(body))]
    return httpx.Request(
        method, target.url, headers=headers, content=body, extensions={_TARGET: target}
    )
