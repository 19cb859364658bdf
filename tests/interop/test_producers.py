"""Producers in other languages: the programs of docs/producing.md, and a registry serializer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Message

from interop.toolchain import INSTALLED, tool
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder
from plaudit.events.examples import example
from plaudit.events.registry.client import RegistryClient
from plaudit.kafka.read.headers import headers_of
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher
from publish.conftest import read_topic, topics
from registry.local_registry import LocalRegistry

__all__ = ["topics"]

pytestmark = [pytest.mark.broker, pytest.mark.nightly, pytest.mark.timeout(300)]

TYPE = CATALOGUE["testimonial.deleted"]
HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "producing.md"
JARS = INSTALLED / "java"
"""Among them Apicurio's serializer 2.6."""
JARS_3 = INSTALLED / "java3"
"""The same with 3.1."""
HEADERS = {
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_subject",
    "content-type",
}


def program(name: str) -> str:
    """Return a program of the document."""
    blocks = re.findall(r"^```\w+\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    [code] = [block for block in blocks if block.startswith(f"// {name}\n")]
    return str(code)


class Bench:
    """A folder with a schema, in which programs publish to a topic.

    Attributes:
        workspace: whose events are published.
    """

    def __init__(self, folder: Path, kafka: KafkaSettings) -> None:
        self.folder = folder
        self.kafka = kafka
        self.topic = kafka.names.event_topic(TYPE.entity)
        self.workspace = str(uuid.uuid4())
        (folder / f"{TYPE.name}.avsc").write_text(json.dumps(TYPE.schema))

    def write(self, name: str) -> None:
        (self.folder / name).write_text(program(name))

    def run(self, *command: str) -> str:
        """Run a program; return the last line that it prints."""
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "TOPIC": self.topic,
            "WORKSPACE_ID": self.workspace,
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip().rpartition("\n")[2]

    def java(self, name: str, *arguments: str, jars: Path = JARS) -> str:
        return self.run("java", "-cp", f"{self.folder}:{jars}/*", name, *arguments)

    def compile_java(self) -> None:
        compiler = tool("javac")
        if not JARS.exists():
            pytest.skip("the jars are not installed; `make interop` does so where Maven is")
        self.write("Producer.java")
        shutil.copy(HERE / "java" / "Serde.java", self.folder)
        self.run(compiler, "-cp", f"{JARS}/*", "Producer.java", "Serde.java")

    def record(self) -> Message:
        """Return the only record of the topic."""
        [found] = read_topic(self.kafka, self.topic)
        return found


@pytest.fixture
def bench(tmp_path: Path, topics: KafkaSettings) -> Bench:
    return Bench(tmp_path, topics)


def run_java(bench: Bench) -> str:
    bench.compile_java()
    return bench.java("Producer")


def run_go(bench: Bench) -> str:
    go = tool("go")
    bench.write("main.go")
    for name in ("go.mod", "go.sum"):
        shutil.copy(HERE / "go" / name, bench.folder)
    return bench.run(go, "run", ".")


def run_node(bench: Bench) -> str:
    node = tool("node")
    packages = INSTALLED / "node_modules"
    if not (packages / "kafkajs").exists():
        pytest.skip("kafkajs is not installed; `make interop` does so where npm is")
    bench.write("producer.mjs")
    (bench.folder / "node_modules").symlink_to(packages)
    return bench.run(node, "producer.mjs")


@pytest.mark.parametrize("run", [run_java, run_go, run_node])
def test_a_program_of_the_document_publishes_an_event(
    run: Callable[[Bench], str], bench: Bench
) -> None:
    event_id = run(bench)
    record = bench.record()
    event = EventDecoder().decode(record.value() or b"")
    assert (event.event_id, event.workspace_id) == (event_id, bench.workspace)
    headers = dict(headers_of(record))
    assert headers.keys() == HEADERS
    assert headers["ce_id"].decode() == event_id
    assert headers["ce_subject"] == record.key() == event.subject.encode()
    with Publisher(bench.kafka, source="/tests") as publisher:
        publisher.publish(example(TYPE.name)).result(30)
    first, second = read_topic(bench.kafka, bench.topic)
    assert first.key() == second.key()
    assert first.partition() == second.partition()


@pytest.fixture(scope="module")
def registry() -> Iterator[LocalRegistry]:
    """Apicurio's registry, in which a deployment has registered every schema."""
    try:
        made = LocalRegistry()
    except KafkaNotFound as error:
        pytest.skip(f"no schema registry: {error}")
    with made:
        client = RegistryClient(made.url)
        for each in CATALOGUE.values():
            client.register(each.record, each.schema_json)
        client.close()
        yield made


ARTIFACT = (
    "apicurio.registry.artifact.group-id=default",
    f"apicurio.registry.artifact.artifact-id={TYPE.record}",
    "apicurio.registry.find-latest=true",
    "apicurio.registry.auto-register=false",
)
CONTENT = "apicurio.registry.use-id=contentId"
IN_FRONT = "apicurio.registry.headers.enabled=false"


@pytest.mark.parametrize(
    ("given", "head"),
    [
        ((), b"\x48"),
        ((CONTENT,), b"\x48"),
        ((IN_FRONT,), bytes(5)),
        ((IN_FRONT, "apicurio.registry.as-confluent=true", CONTENT), bytes(3)),
    ],
    ids=["global id in headers", "content id in headers", "8 bytes", "4 bytes"],
)
def test_apicurios_serializer_publishes_an_event(
    given: tuple[str, ...], head: bytes, bench: Bench, registry: LocalRegistry
) -> None:
    bench.compile_java()
    own = registry.url.replace("/apis/ccompat/v7", "/apis/registry/v2")
    event_id = bench.java("Serde", f"apicurio.registry.url={own}", *ARTIFACT, *given)
    assert (bench.record().value() or b"").startswith(head)
    check_delivered(bench, registry, event_id)


@pytest.mark.parametrize("given", [(), ("apicurio.registry.headers.enabled=true",)])
def test_apicurios_serializer_3_publishes_an_event(
    given: tuple[str, ...], bench: Bench, registry: LocalRegistry
) -> None:
    bench.compile_java()
    own = registry.url.replace("/apis/ccompat/v7", "/apis/registry/v3")
    settings = (f"apicurio.registry.url={own}", *ARTIFACT, *given)
    check_delivered(bench, registry, bench.java("Serde", *settings, jars=JARS_3))


def check_delivered(bench: Bench, registry: LocalRegistry, event_id: str) -> None:
    """Check that the record is read as an event."""
    record = bench.record()
    value = record.value() or b""
    known = bench.kafka.model_copy(update={"schema_registry_url": registry.url})
    with LateDecoder(known) as decoder:
        headers = headers_of(record)
        event = decoder.get().decode(value, lambda: headers)
    assert (event.event_id, event.workspace_id) == (event_id, bench.workspace)
