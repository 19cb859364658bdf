"""Apache Kafka cluster of one or more nodes on this machine, without Docker."""

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
    """A KRaft cluster on loopback ports; it keeps its data, logs and ports across restarts.

    As a context manager it starts and stops. All methods block, and belong to one thread. The
    processes end with this one, however it ends.

    Attributes:
        nodes: the brokers, which can be stopped and killed one by one; `start` restarts them.
        data_dir: contains a folder for each node, with its `server.log`.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        nodes: int = 1,
        overrides: Mapping[str, str] | None = None,
        distribution: Distribution | None = None,
    ) -> None:
        """Prepare a cluster, without starting it.

        Args:
            data_dir: folder, which is kept, and may contain data; None: a temporary one.
            nodes: number of nodes, each a broker and a controller.
            overrides: broker properties that override ours.
            distribution: Java and the jars; None: find or download them.

        Raises:
            KafkaNotFound: Java or the jars are missing; the message contains the remedy.
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
        """Start every node that is not running, and wait until all answer.

        Raises:
            KafkaStartFailed: a node failed; the error contains the end of its log.
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
        """Stop every node gracefully; delete a temporary data folder."""
        # Data that is deleted anyway needs no clean shutdown.
        self._stop_nodes(THROWN_AWAY_S if self._temporary else STOP_TIMEOUT_S)
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def kill(self) -> None:
        """Kill every node with SIGKILL; `start` uses the data again."""
        for node in self.nodes:
            node.kill()

    def restart(self) -> None:
        """Stop all running nodes, then start all nodes with the same data and ports."""
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
        # The same for every node of this folder, and different from other folders'.
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

        The archive halves the start-up time. The first broker ever to stop writes it.
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
