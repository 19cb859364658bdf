"""Broker in a Docker container.

Docker's Python packages are part of `plaudit[dev]`, and are imported on first use.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from plaudit.dev.kafka_errors import KafkaNotFound, KafkaStartFailed
from plaudit.dev.kafka_jars import kafka_version
from plaudit.dev.kafka_node import NodeAddress, broker_properties
from plaudit.dev.kafka_probe import answers, free_ports
from plaudit.kafka.waiting import ask_until

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

SOCKET: Final = "/var/run/docker.sock"
DAEMON_TIMEOUT_S: Final = 2
API_VERSION: Final = "1.41"  # Docker 20.10 and later
PULL_TIMEOUT_S: Final = 60  # for each response of the daemon, not for the whole image
READY_TIMEOUT_S: Final = 60.0


def image() -> str:
    """Return the name of the image, with the same version as the local jars."""
    return f"apache/kafka:{kafka_version()}"


def docker_is_ready() -> None:
    """Check that the daemon answers, and pull the image if it is missing.

    Raises:
        KafkaNotFound: the package, the daemon (within 2 s) or the image is missing.
    """
    try:
        import docker  # noqa: PLC0415 - part of an extra
        from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415 - an extra
        from requests import RequestException  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = f"Docker: the package {error.name!r} is missing (pip install 'plaudit[dev]')"
        raise KafkaNotFound([msg]) from error
    try:
        _probe_port()
        with closing(docker.from_env(version=API_VERSION, timeout=DAEMON_TIMEOUT_S)) as client:
            client.ping()
    except (OSError, DockerException, RequestException) as error:
        raise KafkaNotFound(["Docker: no daemon answers"]) from error
    with closing(docker.from_env(timeout=PULL_TIMEOUT_S)) as client:
        try:
            client.images.get(image())
        except ImageNotFound:
            try:
                client.images.pull(image())
            except (DockerException, RequestException) as error:
                msg = f"Docker: the image {image()} is missing and can't be pulled"
                raise KafkaNotFound([msg]) from error


def _probe_port() -> None:
    """Connect to the daemon's socket, because Docker's client leaks its socket on failure.

    Raises:
        OSError: the daemon does not listen.
    """
    host = os.environ.get("DOCKER_HOST", f"unix://{SOCKET}")
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(DAEMON_TIMEOUT_S)
            probe.connect(host.removeprefix("unix://"))


@contextmanager
def docker_kafka(overrides: Mapping[str, str]) -> Iterator[str]:
    """Run a broker in a container and yield its bootstrap address; call `docker_is_ready` first.

    Raises:
        KafkaStartFailed: the broker does not answer; it contains the end of the container's log.
    """
    ports = free_ports(2)
    address = NodeAddress(1, next(ports), next(ports))
    with _container(address, overrides) as container:
        _wait_until_ready(address, container)
        yield address.bootstrap


def _container(address: NodeAddress, overrides: Mapping[str, str]) -> DockerContainer:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - part of an extra

    container = DockerContainer(image())
    # The same port inside and outside: the broker sends transaction markers to its own advertised
    # address, which must be valid in the container, too.
    port = address.broker_port
    container.ports = cast("dict[str, int | None]", {f"{port}/tcp": ("127.0.0.1", port)})
    listeners = {
        "listeners": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://127.0.0.1:{address.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{address.bootstrap}",
    }
    properties = broker_properties(
        address,
        [address],
        Path("/var/lib/kafka/data"),
        {**listeners, **overrides},
    )
    for name, value in properties.items():
        container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    return container.with_env("KAFKA_HEAP_OPTS", "-Xmx256m")


def _wait_until_ready(address: NodeAddress, container: DockerContainer) -> None:
    if not ask_until(lambda: answers(address.bootstrap, 1), READY_TIMEOUT_S, every_s=0):
        out, err = container.get_logs()
        tail = "\n".join((out + err).decode(errors="replace").splitlines()[-15:])
        what = f"Kafka in Docker did not answer within {READY_TIMEOUT_S:.0f} s"
        raise KafkaStartFailed(what, tail)
