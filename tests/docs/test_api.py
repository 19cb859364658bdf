"""The curl commands of docs/api.md run on a served API, and do what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from api.conftest import Installation, api
from api.test_api import record
from attempts import failed
from conftest import FEW
from e2e.rig import PLAUDIT
from plaudit.events.entity import Entity
from plaudit.kafka.admin.topic_specs import declared
from plaudit.kafka.admin.topics import apply
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.access.api_keys import Scope
from publish.conftest import read_topic, topics

__all__ = ["api", "topics"]  # fixtures of the API

pytestmark = [
    pytest.mark.tree,
    pytest.mark.broker,
    pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on PATH"),
]

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
WORKSPACE = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"
"""The workspace of the sample event."""


def answers(blocks: list[str], **variables: str) -> list[dict[str, Any]]:
    """Run blocks of the page in one shell; return the documents that they printed."""
    path = f"{Path(PLAUDIT).parent}:{os.environ['PATH']}"
    environment = {**os.environ, **variables, "PATH": path}
    script = "set -euo pipefail\n" + "\necho\n".join(blocks)
    done = subprocess.run(
        ["/bin/bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def test_the_commands_create_publish_list_and_retry(
    api: Installation, topics: KafkaSettings
) -> None:
    key = api.services.keys.create(Scope.WORKSPACE, WORKSPACE, "curl")[1]
    first = BLOCKS.index("API=http://localhost:8400\nKEY=plk_…\n")
    create, publish, listing, retry, retry_all = BLOCKS[first + 1 : first + 6]
    assert apply(api.services.brokers, declared(topics, partitions=FEW)).ok
    variables = {"API": str(api.client.base_url), "KEY": key}

    made, sent = answers([create, publish], **variables)
    assert (made["name"], made["secret"].startswith("whsec_")) == ("crm", True)
    topic = api.services.names.event_topic(Entity.TESTIMONIALS)
    [event] = read_topic(topics, topic)
    waits = failed(
        event_id=sent["ids"][0],
        endpoint_id=made["id"],
        workspace_id=WORKSPACE,
        origin_topic=topic,
        origin_partition=event.partition(),
        origin_offset=event.offset(),
    )
    dead = failed(endpoint_id=made["id"], workspace_id=WORKSPACE, outcome="DEAD")
    record(api, waits, dead)

    [found] = answers([listing], **variables)
    assert [each["id"] for each in found["data"]] == [dead["delivery_id"]]
    one, several = answers([retry, retry_all], **variables, DELIVERY=waits["delivery_id"])
    assert (one["id"], several["retried"]) == (waits["delivery_id"], 1)
