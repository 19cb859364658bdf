"""The receivers in docs/receiving.md run, verify, drop duplicates and refuse what they should."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from plaudit.endpoints.signing import Secret, Signer, new_secret
from waiting import listens, until

pytestmark = pytest.mark.tree

DOCUMENT = Path(__file__).parents[2] / "docs" / "receiving.md"
Running = tuple[str, subprocess.Popen[str]]
PROGRAMS = {"python": (sys.executable, "receiver.py"), "javascript": ("node", "receiver.mjs")}


def snippet(language: str) -> str:
    [code] = re.findall(
        rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE
    )
    return str(code)


@contextmanager
def receiver(
    language: str, secret: str, folder: Path
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a snippet; yield its URL and its process."""
    program, name = PROGRAMS[language]
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    (folder / name).write_text(snippet(language))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    with subprocess.Popen(
        [program, folder / name], env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        until(lambda: listens(port), "the receiver listens", 20)
        try:
            yield f"http://127.0.0.1:{port}/hooks", running
        finally:
            running.terminate()


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_documented_receiver_does_what_the_document_says(language: str, tmp_path: Path) -> None:
    secret, event_id = new_secret(), str(uuid.uuid4())
    body = json.dumps({"id": event_id, "type": "testimonial.approved", "data": {}}).encode()
    now = int(time.time())
    headers = {"webhook-id": event_id, "webhook-timestamp": str(now)}
    rotating = Signer([Secret(new_secret()), Secret(secret)])
    signature = rotating.sign(event_id, now, body).decode()
    old = rotating.sign(event_id, now - 600, body).decode()
    with receiver(language, secret, tmp_path) as (url, running), httpx.Client() as client:

        def post(content: bytes, **changed: str) -> int:
            sent = {**headers, "webhook-signature": signature}
            sent |= {name.replace("_", "-"): value for name, value in changed.items()}
            return client.post(url, content=content, headers=sent).status_code

        assert post(body + b" ") == 400, "another body"
        assert post(body, webhook_signature="v1,AAAA") == 400, "another signature"
        assert post(body, webhook_timestamp=str(now - 600), webhook_signature=old) == 400, "too old"
        assert post(body) == 204
        assert post(body) == 204, "a duplicate is answered the same"
        other = str(uuid.uuid4())
        again = body.replace(event_id.encode(), other.encode())
        signed = rotating.sign(other, now, again).decode()
        assert post(again, webhook_id=other, webhook_signature=signed) == 204
        assert running.stdout is not None
        lines = [running.stdout.readline().split()[1] for _ in range(2)]
    assert lines == [event_id, other], "each event was worked on once"
