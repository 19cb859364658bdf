"""Broker process of a local cluster, with its properties file and its storage."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from plaudit.dev.guarded import STOP_TIMEOUT_S, GuardedProcess
from plaudit.dev.kafka_errors import KafkaStartFailed
from plaudit.dev.kafka_jars import Distribution

FORMAT_TIMEOUT_S: Final = 180

# A broker for one machine: small, fast to start and to rebalance, and as strict as in production.
_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Addresses of one node, on the loopback interface.

    Attributes:
        node_id: number of the node, from 1.
        broker_port: port for clients and other brokers.
        controller_port: port for the KRaft quorum.
    """

    node_id: int
    broker_port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        """Value for `bootstrap.servers`."""
        return f"127.0.0.1:{self.broker_port}"

    @property
    def voter(self) -> str:
        """Name of this node in a quorum."""
        return f"{self.node_id}@127.0.0.1:{self.controller_port}"


def broker_properties(
    me: NodeAddress, everyone: Sequence[NodeAddress], data: Path, overrides: Mapping[str, str]
) -> dict[str, str]:
    """Return the server properties of one node of a cluster with combined roles."""
    copies = min(3, len(everyone))
    return {
        "node.id": str(me.node_id),
        "process.roles": "broker,controller",
        "controller.quorum.voters": ",".join(node.voter for node in everyone),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{me.bootstrap},CONTROLLER://127.0.0.1:{me.controller_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        **_cluster_properties(copies),
        **overrides,
    }


def _cluster_properties(copies: int) -> dict[str, str]:
    in_sync = str(max(1, copies - 1))
    return {
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(copies),
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": str(copies),
        "offsets.topic.num.partitions": "4",  # not 50, which the first join would have to create
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": in_sync,
        "offsets.retention.minutes": "40320",  # 28 d: an idle group keeps its offsets
        # Members do not wait for each other, and a killed member times out soon.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.min.heartbeat.interval.ms": "300",
        # For hundreds of small partitions: no 10 MB index for each, and few threads.
        "log.index.size.max.bytes": "1048576",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": "4194304",
        "log.cleaner.backoff.ms": "1000",
    }


@dataclass(slots=True)
class BrokerNode:
    """A broker of a local cluster, created by `LocalKafka`.

    Attributes:
        address: its addresses, which stay the same after a restart.
        folder: contains its properties, its storage (`data`) and its log (`server.log`).
        distribution: Java and the jars.
    """

    address: NodeAddress
    folder: Path
    distribution: Distribution
    _process: GuardedProcess = field(init=False)

    def __post_init__(self) -> None:
        self._process = GuardedProcess(self.log_file)

    @property
    def log_file(self) -> Path:
        """Log of the broker: one file for all its runs."""
        return self.folder / "server.log"

    @property
    def running(self) -> bool:
        """Whether the process is alive; it may not answer yet."""
        return self._process.running

    @property
    def pid(self) -> int:
        """Process id; raises RuntimeError if the process is not running."""
        return self._process.pid

    def configure(self, everyone: Sequence[NodeAddress], overrides: Mapping[str, str]) -> None:
        """Write the properties file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pairs = broker_properties(self.address, everyone, self.folder / "data", overrides)
        lines = [f"{name}={value}\n" for name, value in pairs.items()]
        self._properties.write_text("".join(lines), encoding="utf-8")

    def format(self, cluster_id: str) -> subprocess.Popen[bytes] | None:
        """Start to prepare the storage, for which `formatted` waits; None if it is prepared."""
        if (self.folder / "data" / "meta.properties").exists():
            return None
        # As one argument, because an id may begin with a dash.
        identity = f"--cluster-id={cluster_id}"
        command = self._java("kafka.tools.StorageTool", "format", identity, "-c")
        with self.log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - a program found on this machine, no shell
                [*command, str(self._properties)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def formatted(self, formatter: subprocess.Popen[bytes]) -> None:
        """Wait until the storage is prepared.

        Raises:
            KafkaStartFailed: the storage tool refused or hung.
        """
        try:
            code = formatter.wait(FORMAT_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            formatter.kill()
            formatter.wait()
            what = f"formatting Kafka's storage took over {FORMAT_TIMEOUT_S} s"
            raise KafkaStartFailed(what, self.log_tail()) from error
        if code != 0:
            what = "formatting Kafka's storage failed"
            raise KafkaStartFailed(what, self.log_tail())

    def launch(self, archive_into: Path | None = None) -> None:
        """Start the process, and return at once.

        Args:
            archive_into: file for an AppCDS archive, which Java writes when it stops; None: use the
                existing one.
        """
        command = self._java("kafka.Kafka", str(self._properties), archive_into=archive_into)
        self._process.launch("plaudit-kafka", command)

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return; `stop` waits for the end."""
        self._process.ask_to_stop()

    def stop(self, within_s: float = STOP_TIMEOUT_S) -> None:
        """Stop the process with SIGTERM; kill it if that takes too long."""
        self._process.stop(within_s)

    def kill(self) -> None:
        """Kill the process with SIGKILL, like a crash."""
        self._process.kill()

    def log_tail(self) -> str:
        """Return the last lines of the broker's log."""
        return self._process.log_tail()

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, *main: str, archive_into: Path | None = None) -> list[str]:
        archive = self.distribution.archive
        shared: tuple[str, ...] = ()
        if archive_into is not None:
            shared = (f"-XX:ArchiveClassesAtExit={archive_into}",)
        elif archive.exists():
            shared = (f"-XX:SharedArchiveFile={archive}",)
        java = str(self.distribution.java.path)
        return [java, *_JVM, *shared, *_LOGGING, "-cp", self.distribution.classpath, *main]
