"""A real Apache Kafka of one or several nodes on this machine, without Docker."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from plaudit.dev.guarded import STOP_TIMEOUT_S
from plaudit.dev.kafka_errors import KafkaStartFailed
from plaudit.dev.kafka_jars import Distribution, find_distribution, prepare_base_archive
from plaudit.dev.kafka_node import BrokerNode, NodeAddress
from plaudit.dev.kafka_probe import answers, free_ports

READY_TIMEOUT_S: Final = 180.0
THROWN_AWAY_S: Final = 10.0


class LocalKafka:
    """A KRaft cluster on loopback ports; data, logs and ports stay the same over restarts.

    As a context manager it starts and stops. All methods block; none is to be called from two
    threads at once. The processes die with this one, however it ends.

    Attributes:
        nodes: the brokers, to stop, kill and watch one by one; see `start` to bring one back.
        data_dir: holds a folder for each node, with its `server.log`.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        nodes: int = 1,
        overrides: Mapping[str, str] | None = None,
        distribution: Distribution | None = None,
    ) -> None:
        """Prepare a cluster; nothing is started yet.

        Args:
            data_dir: kept afterwards, and used again when it holds data; None: a temporary one.
            nodes: how many, each broker and controller.
            overrides: broker properties on top of ours.
            distribution: Java and the jars; None: the machine's, fetched when needed.

        Raises:
            KafkaNotFound: no Java or no jars, and how to get them.
        """
        self._distribution = distribution or find_distribution()
        self._temporary = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="plaudit-kafka-"))
        self._overrides = dict(overrides or {})
        self.nodes = tuple(
            BrokerNode(address, self.data_dir / f"node-{address.node_id}", self._distribution)
            for address in _addresses(nodes)
        )

    @property
    def bootstrap(self) -> str:
        """Value for `bootstrap.servers`: all nodes."""
        return ",".join(node.address.bootstrap for node in self.nodes)

    def start(self) -> None:
        """Start every node that isn't running and wait until all answer.

        Raises:
            KafkaStartFailed: with the end of the log of the node that failed.
        """
        waiting = [node for node in self.nodes if not node.running]
        archive = self._archive_to_write()
        if archive is not None:
            prepare_base_archive(self._distribution.java)
        self._format(waiting)
        for node in waiting:
            node.launch(archive if node is self.nodes[0] else None)
        try:
            self._wait_until_ready()
        except KafkaStartFailed:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop every node in an orderly way; a temporary data folder goes with them."""
        # What is thrown away need not be closed with care.
        self._stop_nodes(THROWN_AWAY_S if self._temporary else STOP_TIMEOUT_S)
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def kill(self) -> None:
        """Kill every node with SIGKILL; the data stays for `start`."""
        for node in self.nodes:
            node.kill()

    def restart(self) -> None:
        """Stop what runs, then start all nodes on the same data and ports."""
        self._stop_nodes()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _format(self, nodes: list[BrokerNode]) -> None:
        # The same for every node of this folder, and no other's.
        identity = uuid.uuid5(uuid.NAMESPACE_URL, self.data_dir.resolve().as_uri())
        cluster_id = base64.urlsafe_b64encode(identity.bytes).decode().rstrip("=")
        everyone = [node.address for node in self.nodes]
        for node in nodes:
            node.configure(everyone, self._overrides)
        running = [(node, node.format(cluster_id)) for node in nodes]
        for node, formatter in running:
            if formatter is not None:
                node.formatted(formatter)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        for node in self.nodes:
            while not answers(node.address.bootstrap, len(self.nodes)):
                for other in self.nodes:
                    if not other.running:
                        what = f"Kafka node {other.address.node_id} ended while it started"
                        raise KafkaStartFailed(what, other.log_tail())
                if time.monotonic() > deadline:
                    what = f"Kafka did not answer within {READY_TIMEOUT_S:.0f} s"
                    raise KafkaStartFailed(what, node.log_tail())

    def _stop_nodes(self, within_s: float = STOP_TIMEOUT_S) -> None:
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.stop(within_s)
        self._keep_archive()

    def _archive_to_write(self) -> Path | None:
        """Return the option that writes the AppCDS archive, if it does not exist yet.

        It halves the time to start, and is written when the first broker ever is stopped.
        """
        archive = self._distribution.archive
        return None if archive.exists() else archive.with_suffix(f".{os.getpid()}")

    def _keep_archive(self) -> None:
        written = self._distribution.archive.with_suffix(f".{os.getpid()}")
        if written.exists():
            written.replace(self._distribution.archive)


def _addresses(count: int) -> Iterator[NodeAddress]:
    ports = free_ports(2 * count)
    for node_id in range(1, count + 1):
        yield NodeAddress(node_id, next(ports), next(ports))
