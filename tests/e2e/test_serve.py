"""`plaudit serve` as a process: what it has answered holds, also when it is killed right after."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

import httpx
import pytest

from e2e.rig import PLAUDIT, Rig, ready
from e2e.sink import Sink, good
from plaudit.kafka.write.producer import Ack
from plaudit.publish import Publisher
from waiting import PROMPTLY_S, until, until_equal

pytestmark = [pytest.mark.broker, pytest.mark.e2e]


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def admin_key(rig: Rig) -> dict[str, str]:
    """Return the header of an admin's key."""
    made = subprocess.run(
        [PLAUDIT, "keys", "create", "ops", "--scope", "admin", "--json"],
        env=rig.environment, capture_output=True, check=True,
    )  # fmt: skip
    return {"authorization": f"Bearer {json.loads(made.stdout)['key']}"}


def test_an_endpoint_that_was_answered_is_in_force_although_the_server_was_killed(
    rig: Rig, sink: Sink
) -> None:
    key, port = admin_key(rig), free_port()
    base = f"http://127.0.0.1:{port}"
    server = rig.process("serve", PLAUDIT_API_PORT=str(port))
    rig.process("record")
    rig.worker()
    until_equal(lambda: ready(base), 200)
    stop = threading.Event()
    acks: dict[str, Ack] = {}

    def publish() -> None:
        with Publisher(rig.settings) as publisher:
            while not stop.wait(0.05):
                event = rig.event()
                acks[str(event.meta.event_id)] = publisher.publish(event).result(30)

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        body = {"url": sink.on("hook", good), "workspace_id": rig.workspace}
        made = httpx.post(f"{base}/v1/endpoints", headers=key, json=body, timeout=30)
        server.send_signal(signal.SIGKILL)
        assert made.status_code in {201, 202}, made.text
        assert sink.wait_until(lambda: len(sink.ids("hook")) > 20, PROMPTLY_S)
    finally:
        stop.set()
        publishing.join(PROMPTLY_S)
    active_from = datetime.fromisoformat(made.json()["active_from"]).timestamp() * 1_000
    # A 202 may have moved it: what is in the database holds.
    listed = subprocess.run(
        [PLAUDIT, "endpoints", "list", "--json"],
        env=rig.environment, capture_output=True, check=True,
    )  # fmt: skip
    holds = datetime.fromisoformat(json.loads(listed.stdout)["active_from"]).timestamp() * 1_000
    assert holds == active_from or made.status_code == 202
    wanted = {each for each, ack in acks.items() if ack.timestamp_ms >= holds}
    assert sink.wait_until(lambda: wanted <= sink.ids("hook").keys(), PROMPTLY_S)
    assert sink.ids("hook").keys() == wanted, "none from before"


HANGS: Final = """
import pathlib, sys, time
from plaudit.cli.main import main
from {module} import {owner}

def hang(*_, **__):
    pathlib.Path({sign!r}).touch()
    time.sleep(3_600)

{owner}.{method} = hang
main()
"""


@pytest.mark.parametrize(
    ("module", "owner", "method"),
    [
        ("plaudit.store.endpoints.service", "EndpointService", "add"),
        ("plaudit.store.access.idempotency_store", "IdempotencyStore", "keep"),
    ],
    ids=["before the change", "before the answer"],
)
def test_a_repeated_creation_takes_effect_once_although_the_server_was_killed(
    rig: Rig, module: str, owner: str, method: str
) -> None:
    key, port, sign = admin_key(rig), free_port(), rig.folder / "there"
    base = f"http://127.0.0.1:{port}"
    headers = {**key, "idempotency-key": "k"}
    body = {"url": "http://127.0.0.1:9/", "workspace_id": rig.workspace}

    def create() -> httpx.Response:
        return httpx.post(f"{base}/v1/endpoints", headers=headers, json=body, timeout=30)

    code = HANGS.format(module=module, owner=owner, method=method, sign=str(sign))
    hanging = rig.process("serve", program=(sys.executable, "-c", code), PLAUDIT_API_PORT=str(port))
    until_equal(lambda: ready(base), 200)
    with ThreadPoolExecutor() as clients:
        cut_off = clients.submit(create)
        until(sign.exists, "the request is where the server hangs")
        hanging.kill()
        assert isinstance(cut_off.exception(PROMPTLY_S), httpx.TransportError)
    hanging.wait()
    rig.process("serve", PLAUDIT_API_PORT=str(port))
    until_equal(lambda: ready(base), 200)
    made, again = create(), create()
    assert made.status_code in {201, 202}, made.text
    assert again.json() == made.json()
    listed = httpx.get(f"{base}/v1/endpoints", headers=key).json()
    assert [each["id"] for each in listed] == [made.json()["id"]]


def test_serve_ends_with_0_on_a_signal(rig: Rig) -> None:
    key, port = admin_key(rig), free_port()
    server = rig.process("serve", PLAUDIT_API_PORT=str(port))
    until_equal(lambda: ready(f"http://127.0.0.1:{port}"), 200)
    assert httpx.get(f"http://127.0.0.1:{port}/v1/endpoints", headers=key).json() == []
    assert rig.stop(server) == 0
