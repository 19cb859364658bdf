"""The recipes in docs/recipes.md run, and accept what Plaudit sends, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from plaudit.endpoints.key_pairs import new_signing_key
from plaudit.endpoints.signing import Secret, Signer, new_secret
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.rendering import render
from waiting import listens, until

pytestmark = pytest.mark.tree

DOCUMENT = Path(__file__).parents[2] / "docs" / "recipes.md"
TYPE = "testimonial.approved"
BODY = render(EventDecoder().decode(encode(example(TYPE))))
ID = "0191f0d2-6f0a-7cc3-b1a5-3d2b8b6c9a10"
OLD, NEW = new_secret(), new_secret()
KEY = new_signing_key()
NODE = shutil.which("node")


def snippet(first: str) -> str:
    """Return the block that begins with this text."""
    blocks = re.findall(r"^```\w+\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    [found] = [block for block in blocks if block.startswith(first)]
    return str(found)


class Case(NamedTuple):
    """A request, and whether a receiver has to accept it."""

    about: str
    headers: dict[str, str]
    body: bytes
    good: bool


def signed(signer: Signer, at: int, body: bytes = BODY) -> dict[str, str]:
    return {
        "webhook-id": ID,
        "webhook-timestamp": str(at),
        "webhook-signature": signer.sign(ID, at, body).decode(),
    }


def cases(own: Signer, other: Signer) -> list[Case]:
    now = int(time.time())
    good = signed(own, now)
    unsigned = {**good, "webhook-signature": "v1,AAAA v1a,AAAA"}
    return [
        Case("as sent", good, BODY, good=True),
        Case("another body", good, BODY + b" ", good=False),
        Case("another key", signed(other, now), BODY, good=False),
        Case("too old", signed(own, now - 600), BODY, good=False),
        Case("no signature", unsigned, BODY, good=False),
        Case("no time", {**good, "webhook-timestamp": ""}, BODY, good=False),
    ]


def ours() -> list[Case]:
    """Return requests signed now with a secret: receivers refuse those of five minutes ago."""
    return cases(Signer([Secret(NEW), Secret(OLD)]), Signer([Secret(new_secret())]))


def pairs() -> list[Case]:
    """Return requests signed now with a key pair."""
    return cases(Signer([Secret(OLD)], [KEY]), Signer([], [new_signing_key()]))


ENVIRONMENT = {
    **os.environ,
    # A receiver in the middle of a rotation, whose new secret is another endpoint's.
    "WEBHOOK_SECRET": f"{new_secret()} {OLD}",
    "WEBHOOK_PUBLIC_KEY": f"{new_signing_key().public} {KEY.public}",
}


def check(answer: Callable[[Case], bool]) -> None:
    given = ours()
    assert {case.about: answer(case) for case in given} == {case.about: case.good for case in given}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[Callable[[Case], bool]]:
    """Run a server; yields what asks it."""
    environment = {**ENVIRONMENT, "PORT": str(port)}
    with (
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as server,
        httpx.Client() as client,
    ):
        until(lambda: listens(port) or server.poll() is not None, "the server listens")
        assert server.poll() is None, "it ended"

        def ask(case: Case) -> bool:
            url = f"http://127.0.0.1:{port}/hooks/plaudit"
            headers = {**case.headers, "content-type": "application/json"}
            status = client.post(url, content=case.body, headers=headers).status_code
            assert status in {204, 400}
            return status == 204

        try:
            yield ask
        finally:
            server.terminate()


def test_the_recipe_for_fastapi_works(tmp_path: Path) -> None:
    (tmp_path / "plaudit_webhooks.py").write_text(snippet('"""plaudit_webhooks.py'))
    (tmp_path / "fastapi_app.py").write_text(snippet('"""fastapi_app.py'))
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--port", str(port)]
    with running([*command, "--log-level", "critical"], tmp_path, port) as ask:
        check(ask)


DJANGO = """
import json, sys
import django
from django.conf import settings
settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["*"], SECRET_KEY="x")
django.setup()
from django.test import Client
for line in sys.stdin:
    case = json.loads(line)
    answer = Client(enforce_csrf_checks=True).post(
        "/hooks/plaudit", case["body"], content_type="application/json", headers=case["headers"]
    )
    print(answer.status_code, file=sys.stderr)
"""


def by_lines(command: list[str], folder: Path, given: list[Case]) -> list[str]:
    """Run a program that answers each case with a line on standard error."""
    lines = "\n".join(
        json.dumps({"headers": case.headers, "body": case.body.decode()}) for case in given
    )
    done = subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.split()


def test_the_recipe_for_django_works(tmp_path: Path) -> None:
    (tmp_path / "plaudit_webhooks.py").write_text(snippet('"""plaudit_webhooks.py'))
    (tmp_path / "django_hooks.py").write_text(snippet('"""django_hooks.py'))
    (tmp_path / "urls.py").write_text(
        "from django.urls import path\nfrom django_hooks import receive\n"
        'urlpatterns = [path("hooks/plaudit", receive)]\n'
    )
    (tmp_path / "run.py").write_text(DJANGO)
    given = ours()
    statuses = by_lines([sys.executable, "run.py"], tmp_path, given)
    assert statuses == ["204" if case.good else "400" for case in given]


VERIFIER = """
import json, sys
from public_key import verified
for line in sys.stdin:
    case = json.loads(line)
    print(verified(case["headers"], case["body"].encode()), file=sys.stderr)
"""


def test_the_verifier_of_asymmetric_signatures_works(tmp_path: Path) -> None:
    (tmp_path / "public_key.py").write_text(snippet('"""public_key.py'))
    (tmp_path / "run.py").write_text(VERIFIER)
    given = pairs()
    answers = by_lines([sys.executable, "run.py"], tmp_path, given)
    assert answers == [str(case.good) for case in given]


NEXT = """
import { POST } from "./route.mjs";
import { readFileSync } from "node:fs";
console.log = () => {};
for (const line of readFileSync(0, "utf8").split("\\n")) {
  const { headers, body } = JSON.parse(line);
  const request = new Request("http://x/hooks/plaudit", { method: "POST", headers, body });
  console.error((await POST(request)).status);
}
"""
TOOLS = """
const { readFileSync } = require("node:fs");
const [n8n, nodeRed] = ["n8n.js", "node-red.js"].map((name) => readFileSync(name, "utf8"));
const AsyncFunction = (async () => {}).constructor;
const secrets = process.env.WEBHOOK_SECRET;
async function inN8n(headers, body) {
  const run = new AsyncFunction("require", "$env", "$input", n8n);
  const helpers = { getBinaryDataBuffer: async () => body };
  const input = { first: () => ({ json: { headers } }) };
  try {
    const [item] = await run.call({ helpers }, require, { WEBHOOK_SECRET: secrets }, input);
    return Boolean(item.json.type);
  } catch (error) {
    return error.message !== "the signature does not match";
  }
}
function inNodeRed(headers, body) {
  const run = new Function("msg", "env", "crypto", nodeRed);
  const out = run({ req: { headers }, payload: body }, { get: () => secrets }, require("crypto"));
  return out[0] !== null && out[0].statusCode === 204 && Boolean(out[0].payload.type);
}
(async () => {
  for (const line of readFileSync(0, "utf8").split("\\n")) {
    const { headers, body } = JSON.parse(line);
    const bytes = Buffer.from(body);
    console.error(`${await inN8n(headers, bytes)},${inNodeRed(headers, bytes)}`);
  }
})();
"""
needs_node = pytest.mark.skipif(NODE is None, reason="no node on PATH")


@needs_node
def test_the_recipe_for_next_works(tmp_path: Path) -> None:
    (tmp_path / "plaudit-webhooks.mjs").write_text(snippet("// plaudit-webhooks.mjs"))
    (tmp_path / "route.mjs").write_text(snippet("// app/hooks/plaudit/route.mjs"))
    (tmp_path / "run.mjs").write_text(NEXT)
    given = ours()
    statuses = by_lines([NODE or "", "run.mjs"], tmp_path, given)
    assert statuses == ["204" if case.good else "400" for case in given]


@needs_node
def test_the_recipes_for_n8n_and_node_red_work(tmp_path: Path) -> None:
    (tmp_path / "n8n.js").write_text(snippet("// n8n Code node"))
    (tmp_path / "node-red.js").write_text(snippet("// Node-RED function node"))
    (tmp_path / "run.cjs").write_text(TOOLS)
    given = ours()
    answers = by_lines([NODE or "", "run.cjs"], tmp_path, given)
    assert answers == [",".join([str(case.good).lower()] * 2) for case in given]


@needs_node
def test_the_recipe_for_express_works(tmp_path: Path) -> None:
    (tmp_path / "plaudit-webhooks.mjs").write_text(snippet("// plaudit-webhooks.mjs"))
    (tmp_path / "express-app.mjs").write_text(snippet("// express-app.mjs"))
    subprocess.run([NODE or "", "--check", "express-app.mjs"], cwd=tmp_path, check=True)
    find = [NODE or "", "-p", "require.resolve('express')"]
    asked = subprocess.run(find, cwd=tmp_path, capture_output=True, check=False)
    if asked.returncode:
        pytest.skip("no package express for node; its syntax was checked")
    port = free_port()
    with running([NODE or "", "express-app.mjs"], tmp_path, port) as ask:
        check(ask)


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("go") is None, reason="no go on PATH")
def test_the_recipe_for_go_works(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(snippet("// main.go"))
    (tmp_path / "go.mod").write_text("module receiver\n\ngo 1.21\n")
    subprocess.run(["go", "build", "-o", "receiver", "."], cwd=tmp_path, check=True)
    port = free_port()
    with running([str(tmp_path / "receiver")], tmp_path, port) as ask:
        check(ask)
