"""The programs in docs/publishing.md run, and what they publish is in Kafka."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from outbox.conftest import Outbox
from outbox.test_relay import service
from plaudit.events.decoding import EventDecoder
from plaudit.events.examples import example_json
from plaudit.kafka.settings import KafkaSettings
from plaudit.outbox.table import ddl
from publish.conftest import ReadAll, read_all, topics

__all__ = ["read_all", "topics"]  # fixtures of publishing

pytestmark = [pytest.mark.tree, pytest.mark.broker]

DOCUMENT = Path(__file__).parents[2] / "docs" / "publishing.md"


@pytest.fixture
def environment(topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the programs."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", topics.bootstrap_servers)
    monkeypatch.setenv("PLAUDIT_TOPIC_PREFIX", topics.topic_prefix)
    return dict(os.environ)


def program(name: str, folder: Path) -> Path:
    """Write a program of the document into a file."""
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    [code] = [block for block in blocks if block.startswith(f"# {name}\n")]
    path = folder / name
    path.write_text(code)
    return path


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def types_in(read_all: ReadAll, topics: KafkaSettings) -> list[str]:
    messages = read_all(topics.names.event_topics[0])
    return [EventDecoder().decode(message.value() or b"").type for message in messages]


def test_the_script_works(
    environment: dict[str, str], topics: KafkaSettings, read_all: ReadAll, tmp_path: Path
) -> None:
    line = example_json("testimonial.approved")
    done = subprocess.run(
        [sys.executable, str(program("script.py", tmp_path))],
        env=environment,
        input=f"{line}\n{line}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2 events are safe\n"
    assert types_in(read_all, topics) == ["testimonial.approved"] * 2


@pytest.mark.usefixtures("environment")
async def test_the_fastapi_app_works(
    topics: KafkaSettings, read_all: ReadAll, tmp_path: Path
) -> None:
    app = module(program("fastapi_app.py", tmp_path)).app
    transport = httpx.ASGITransport(app)
    path = f"/spaces/{uuid.uuid4()}/testimonials/{uuid.uuid4()}/reject"
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as client,
    ):
        question = {"workspace_id": str(uuid.uuid4()), "reason": "spam"}
        answer = await client.post(path, params=question)
        assert answer.status_code == 202, answer.text
        assert (await client.post(path)).status_code == 422
    [message] = read_all(topics.names.event_topics[0])
    assert EventDecoder().decode(message.value() or b"").event_id == answer.json()


def test_the_django_app_works(
    environment: dict[str, str], topics: KafkaSettings, read_all: ReadAll, tmp_path: Path
) -> None:
    program("django_app.py", tmp_path)
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.executescript(ddl("sqlite"))
    path = f"/testimonials/{uuid.uuid4()}/reject"
    query = {"workspace": str(uuid.uuid4()), "space": str(uuid.uuid4()), "reason": "spam"}
    script = (
        "import django_app\n"
        "from django.test import Client\n"
        f"answer = Client().get({path!r}, {query!r})\n"
        "print(answer.status_code, answer.content.decode())\n"
    )
    run = [sys.executable, "-c", script]
    done = subprocess.run(
        run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    status, _, body = done.stdout.partition(" ")
    assert status == "202"
    service(Outbox("sqlite", f"sqlite:///{tmp_path}/app.db"), topics).run(until_empty=True)
    [message] = read_all(topics.names.event_topics[0])
    found = EventDecoder().decode(message.value() or b"")
    assert found.event_id == json.loads(body)["event_id"]


def test_the_unit_tests_pass(environment: dict[str, str], tmp_path: Path) -> None:
    program("test_moderation.py", tmp_path)
    line = example_json("import.completed")
    fixture = f"import pytest\n\n\n@pytest.fixture\ndef line():\n    return {line!r}\n"
    (tmp_path / "conftest.py").write_text(fixture)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path), "--rootdir", str(tmp_path)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
