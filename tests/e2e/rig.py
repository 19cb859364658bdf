"""An installation for end-to-end tests: topics, endpoints, workers, and what became of it."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import httpx
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from endpoint_records import endpoint_value
from plaudit.endpoints.binding import bind
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.events.examples import example
from plaudit.events.ids import new_event_id
from plaudit.events.models.event import EventModel
from plaudit.kafka.read.watermarks import log_bounds
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.publish import Publisher
from plaudit.records.attempt import decode_attempt
from plaudit.records.endpoint import decode_endpoint
from waiting import PROMPTLY_S, until

KEY = os.urandom(32)
PLAUDIT = Path(sys.executable).with_name("plaudit")


@dataclass
class Dead:
    """A dead letter."""

    topic: str
    key: str
    headers: dict[str, str]
    value: bytes | None


@dataclass
class Rig:
    """One installation under a prefix of its own.

    Attributes:
        settings: where Kafka is.
        workspace: whose events are published.
        folder: for the workers' logs.
    """

    settings: KafkaSettings
    folder: Path
    workspace: str = field(default_factory=lambda: str(uuid.uuid4()))
    secrets: dict[str, str] = field(default_factory=dict)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        self._stack.close()

    def endpoint(self, url: str, *, private: Mapping[str, Any] | None = None, **given: Any) -> str:
        """Write an endpoint's record; return its id."""
        endpoint_id = str(given.pop("endpoint_id", uuid.uuid4()))
        secret = self.secrets.setdefault(endpoint_id, new_secret())
        sealed = seal(
            SecretKeys([KEY]),
            endpoint_id,
            EncryptedFields(url, dict(private or {}), [Secret(secret)]),
        )
        key = {"key_id": sealed.key_id, "sealed": sealed.blob}
        fields = {"workspace_id": self.workspace, **key, **given}
        record = decode_endpoint(endpoint_value(endpoint_id, **fields))
        value = bind(record, SecretKeys([KEY]))
        self.write(self.settings.names.endpoints, endpoint_id.encode(), value)
        return endpoint_id

    def write(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Write a raw record, and wait until the broker has it."""
        self._producer.publish(topic, value, key, headers).result(30)

    @cached_property
    def _producer(self) -> Producer:
        """One for all that a test writes: each takes half a second to start."""
        return self._stack.enter_context(Producer(self.settings))

    def publish(self, count: int, name: str = "testimonial.approved") -> list[str]:
        """Publish events of one type; return their ids, all acknowledged."""
        events = [self.event(name) for _ in range(count)]
        with Publisher(self.settings) as publisher:
            futures = [publisher.publish(event) for event in events]
            for future in futures:
                future.result(60)
        return [str(event.meta.event_id) for event in events]

    def event(self, name: str = "testimonial.approved") -> EventModel:
        """Return an event of this installation's workspace, with a fresh id and key."""
        made = example(name)
        meta = made.meta.model_copy(
            update={"event_id": new_event_id(), "workspace_id": uuid.UUID(self.workspace)}
        )
        update: dict[str, Any] = {"meta": meta}
        testimonial = getattr(made, "testimonial", None)
        if testimonial is not None:
            update["testimonial"] = testimonial.model_copy(update={"testimonial_id": uuid.uuid4()})
        return made.model_copy(update=update)

    @property
    def database(self) -> str:
        """The URL of the database of the control plane, unless a process is given another."""
        return f"sqlite:///{self.folder / 'plaudit.db'}"

    @property
    def environment(self) -> dict[str, str]:
        """Settings of the worker processes."""
        return {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.bootstrap_servers,
            "PLAUDIT_TOPIC_PREFIX": self.settings.topic_prefix,
            "PLAUDIT_RETRY_SCHEDULE": self.settings.retry_schedule or "",
            "PLAUDIT_SECRET_KEY": base64.b64encode(KEY).decode(),
            "PLAUDIT_ALLOW_NETWORKS": "127.0.0.0/8",
            "PLAUDIT_METRICS_PORT": "0",
            "PLAUDIT_LOG_ATTEMPTS": "all",
            "PLAUDIT_DATABASE_URL": self.database,
        }

    def worker(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a `plaudit deliver`; its log goes to a file in the folder."""
        return self.process("deliver", *arguments, **environment)

    def process(
        self, *arguments: str, program: Sequence[str | Path] = (PLAUDIT,), **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a command that runs until it is stopped; its log goes to a file in the folder."""
        log = self._stack.enter_context(self.log(len(self.workers)).open("wb"))
        worker = subprocess.Popen(
            [*program, *arguments],
            env={**self.environment, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: we stop them in order
        )
        self.workers.append(worker)
        return worker

    def log(self, number: int = 0) -> Path:
        """Return where a worker's log is."""
        return self.folder / f"worker-{number}.log"

    def crash(self, number: int = 0) -> str:
        """Return the stacks that a crashed worker printed; empty if it did not crash."""
        lines = self.log(number).read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.startswith("{"))

    def logged(self, event: str, number: int = 0) -> list[dict[str, Any]]:
        """Return a worker's log events of one name."""
        lines = self.log(number).read_bytes().splitlines()
        found = [json.loads(line) for line in lines if line.startswith(b"{")]
        return [each for each in found if each["event"] == event]

    def stop(self, worker: subprocess.Popen[bytes], timeout_s: float = 30) -> int:
        """Stop a worker with SIGTERM; return its exit code."""
        worker.send_signal(signal.SIGTERM)
        return worker.wait(timeout_s)

    def read(self, topic: str) -> Iterator[Any]:
        """Yield every message of a topic, up to the end that it has now."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings.bootstrap_servers,
                "group.id": f"{self.settings.topic_prefix}test",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            for number in partitions:
                place = TopicPartition(topic, number, OFFSET_BEGINNING)
                low, high = log_bounds(consumer, place, 10)
                if low == high:
                    continue
                consumer.assign([place])
                while consumer.position([place])[0].offset < high:
                    for message in consumer.consume(500, 0.2):
                        assert message.error() is None, message.error()
                        yield message
        finally:
            consumer.close()

    def dead(self, *, events: bool = False) -> list[Dead]:
        """Return the dead letters."""
        names = self.settings.names
        topic = names.dlq_events if events else names.dlq_deliveries
        return [
            Dead(
                topic,
                (message.key() or b"").decode(),
                {name: value.decode("utf-8", "replace") for name, value in message.headers() or ()},
                message.value(),
            )
            for message in self.read(topic)
            if message.value() is not None  # a worker's first write is a tombstone of no letter
        ]

    def attempts(self) -> list[dict[str, Any]]:
        """Return the lines of the log."""
        return [decode_attempt(each.value()) for each in self.read(self.settings.names.attempts)]

    def wait_dead(self, count: int, timeout_s: float = PROMPTLY_S, *, events: bool = False) -> None:
        """Wait until there are as many dead letters."""
        until(
            lambda: len(self.dead(events=events)) >= count,
            f"{count} dead letters",
            timeout_s,
            every_s=0.3,
        )


def ready(base: str) -> int:
    """Return the status of `/readyz`; 0 while a server does not listen."""
    try:
        return httpx.get(f"{base}/readyz", timeout=30).status_code
    except httpx.TransportError:
        return 0


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
