"""A headless Node-RED with the function node of docs/recipes.md, and webhooks that it receives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.conftest import Installation
from docs.test_recipes import ENVIRONMENT, OLD, Case, check, free_port, running, snippet
from interop.toolchain import tool

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]

AT = "/hooks/plaudit"


def flow() -> list[dict[str, Any]]:
    """Return the flow that the recipe describes."""
    tab = {"id": "tab", "type": "tab", "label": "Plaudit"}
    received: dict[str, object] = {
        "id": "in", "type": "http in", "url": AT, "method": "post", "skipBodyParsing": True,
        "wires": [["verify"]],
    }  # fmt: skip
    verify: dict[str, object] = {
        "id": "verify", "type": "function", "func": snippet("// Node-RED function node"),
        "outputs": 2, "libs": [{"var": "crypto", "module": "crypto"}],
        "wires": [["accept"], ["refuse"]],
    }  # fmt: skip
    answers: list[dict[str, object]] = [
        {"id": name, "type": "http response", "statusCode": status, "wires": []}
        for name, status in (("accept", "204"), ("refuse", "400"))
    ]
    return [tab, *({**node, "z": "tab"} for node in (received, verify, *answers))]


@pytest.fixture
def node_red(tmp_path: Path) -> Iterator[tuple[int, Callable[[Case], bool]]]:
    """A running Node-RED: its port, and a function that sends it a request."""
    (tmp_path / "flow.json").write_text(json.dumps(flow()))
    (tmp_path / "settings.js").write_text(
        'module.exports = {uiHost: "127.0.0.1", httpAdminRoot: false, telemetry: {enabled: false},'
        " flowFile: 'flow.json', functionExternalModules: true};"
    )
    port = free_port()
    command = [tool("node-red"), "--userDir", str(tmp_path), "--port", str(port)]
    with running([*command, "--settings", str(tmp_path / "settings.js")], tmp_path, port) as ask:
        yield port, ask


def test_node_red_accepts_signed_requests_and_refuses_others(
    node_red: tuple[int, Callable[[Case], bool]],
) -> None:
    check(node_red[1])


@pytest.mark.broker
def test_a_test_send_reaches_node_red_and_one_with_another_secret_is_refused(
    api: Installation, node_red: tuple[int, Callable[[Case], bool]]
) -> None:
    assert OLD in ENVIRONMENT["WEBHOOK_SECRET"]
    url = f"http://127.0.0.1:{node_red[0]}{AT}"
    statuses = []
    for secret in ({"secret": OLD}, {}):
        body = {"url": url, "types": ["testimonial.approved"], **secret}
        made = api.client.post("/v1/endpoints", headers=api.write, json=body).json()
        sent = api.client.post(f"/v1/endpoints/{made['id']}/test", headers=api.write)
        statuses.append(sent.json()["status"])
    assert statuses == [204, 400]
