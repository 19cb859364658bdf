"""`plaudit listen`: a local subscriber for development."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Final

import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from plaudit.cli.ui.durations import duration_option
from plaudit.cli.ui.output import Exit, fail, note, plain, print_json
from plaudit.cli.ui.ports import bound_socket
from plaudit.dev.receiving import NotVerified, verify
from plaudit.endpoints.key_pairs import PUBLIC, KeyRefused, public_bytes
from plaudit.endpoints.signing import SecretRefused, secret_bytes

_OURS: Final = ("webhook-", "plaudit-", "ce-", "content-type")


def command(
    secret: Annotated[
        str | None,
        typer.Option(
            metavar="SECRET", help="The endpoint's whsec_… or whpk_…; verifies the signatures."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65_535, metavar="PORT", help="Port to listen on.")
    ] = 8_500,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    status: Annotated[
        int, typer.Option(min=200, max=599, metavar="STATUS", help="HTTP status of the answers.")
    ] = 200,
    delay: Annotated[
        float, duration_option("Time before each answer, such as 5s.", default_s=0)
    ] = 0.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print each webhook as JSON.")] = False,
) -> None:
    """Receive webhooks, verify their signatures, mark duplicates, and print headers and body.

    Workers deliver to it only if PLAUDIT_ALLOW_NETWORKS contains 127.0.0.0/8.

    Example: plaudit listen --secret whsec_… --port 8500
    """
    if secret is not None:
        try:
            (public_bytes if secret.startswith(PUBLIC) else secret_bytes)(secret)
        except (KeyRefused, SecretRefused) as refused:
            fail(f"--secret: {refused}", Exit.USAGE)
    listener = LocalReceiver(secret, status, delay, as_json=as_json)
    app = Starlette(routes=[Route("/{path:path}", listener.receive, methods=["POST"])])
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    if secret is None:
        note("plaudit: no --secret given: signatures are not verified")
    with bound_socket("--port", host, port) as listening:
        note(f"listening on http://{host}:{port}/; Ctrl-C stops")
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    note(f"received {listener.received}, {listener.doubled} of them duplicates")


class LocalReceiver:
    """Verifies and prints webhooks.

    Args:
        secret: secret of the endpoint; None skips verification.
        status: status of the response.
        delay_s: delay before the response.
        as_json: whether to print JSON.
    """

    def __init__(self, secret: str | None, status: int, delay_s: float, *, as_json: bool) -> None:
        self._secret = secret
        self._status = status
        self._delay_s = delay_s
        self._as_json = as_json
        self._seen: set[str] = set()
        self.received = 0
        self.doubled = 0

    async def receive(self, request: Request) -> PlainTextResponse:
        """Receive one webhook."""
        body = await request.body()
        self.received += 1
        message_id = request.headers.get("webhook-id", "")
        problem: str | None = None
        if self._secret is not None:
            try:
                verify(self._secret, request.headers, body)
            except NotVerified as refused:
                problem = str(refused)
        again = message_id in self._seen
        self.doubled += again
        self._print(request.headers, body, problem, again=again)
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if problem is not None:
            return PlainTextResponse("not verified", 400)
        self._seen.add(message_id)
        return PlainTextResponse("", self._status)

    def _print(
        self, headers: Mapping[str, str], body: bytes, problem: str | None, *, again: bool
    ) -> None:
        message_id = headers.get("webhook-id", "")
        try:
            event = json.loads(body)
        except ValueError:
            event = None
        ours = {name: value for name, value in headers.items() if name.startswith(_OURS)}
        if self._as_json:
            told = {"id": message_id, "again": again, "problem": problem}
            print_json({**told, "headers": ours, "event": event})
        else:
            kind = event.get("type", "?") if isinstance(event, dict) else "not JSON"
            state = problem or ("verified" if self._secret else "not verified")
            twice = ", duplicate" if again else ""
            clock = time.strftime("%H:%M:%S")
            lines = [f"{clock} {kind} {message_id} ({state}{twice}), {len(body):,} bytes"]
            lines += [f"  {name}: {value}" for name, value in ours.items()]
            text = body.decode("utf-8", "replace") if event is None else _indented(event)
            lines += [f"  {line}" for line in text.splitlines()]
            sys.stdout.write(plain("\n".join(lines)) + "\n")
        sys.stdout.flush()


def _indented(event: object) -> str:
    return json.dumps(event, indent=2, ensure_ascii=False)
