"""Broker for `plaudit dev` and the tests: an existing one, or one that is started.

It tries, in this order: the configured cluster, Docker, and Apache Kafka on this machine's Java.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from plaudit.dev.kafka_docker import docker_is_ready, docker_kafka, image
from plaudit.dev.kafka_errors import KafkaNotFound, KafkaStartFailed
from plaudit.dev.kafka_jars import find_distribution, kafka_version
from plaudit.dev.kafka_local import LocalKafka

__all__ = ["FoundKafka", "KafkaNotFound", "KafkaStartFailed", "LocalKafka", "find_kafka"]


@dataclass(frozen=True, slots=True)
class FoundKafka:
    """A broker that answers.

    Attributes:
        bootstrap: value of `bootstrap.servers`.
        how: description, such as `Kafka 4.3.1 on this machine (Java 17.0.15)`.
    """

    bootstrap: str
    how: str


@contextmanager
def find_kafka(
    configured: str | None,
    *,
    announce: Callable[[str], None],
    data_dir: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Iterator[FoundKafka]:
    """Yield a broker; if it was started here, stop it afterwards.

    A local broker takes 2 to 3 s to start, and about 10 s more the first time.

    Args:
        configured: `KAFKA_BOOTSTRAP_SERVERS` (the tests pass `PLAUDIT_TEST_KAFKA`); not checked.
        announce: receives a description of the broker once it answers.
        data_dir: data of a local broker; None: a temporary folder.
        overrides: broker properties, if the broker is started here.

    Raises:
        KafkaNotFound: none is configured, and none can be started; the message names what to
            install.
        KafkaStartFailed: a broker was started and does not answer.
    """
    with _open(configured, data_dir, overrides or {}) as found:
        announce(found.how)
        yield found


def _open(
    configured: str | None, data_dir: Path | None, overrides: Mapping[str, str]
) -> AbstractContextManager[FoundKafka]:
    if configured:
        return _configured(configured)
    try:
        docker_is_ready()
    except KafkaNotFound as no_docker:
        return _local(data_dir, overrides, no_docker)
    return _docker(overrides)


@contextmanager
def _configured(bootstrap: str) -> Iterator[FoundKafka]:
    yield FoundKafka(bootstrap, f"Kafka at {bootstrap}, as configured")


@contextmanager
def _docker(overrides: Mapping[str, str]) -> Iterator[FoundKafka]:
    with docker_kafka(overrides) as bootstrap:
        yield FoundKafka(bootstrap, f"Kafka in Docker ({image()}) at {bootstrap}")


@contextmanager
def _local(
    data_dir: Path | None, overrides: Mapping[str, str], no_docker: KafkaNotFound
) -> Iterator[FoundKafka]:
    try:
        distribution = find_distribution()
    except KafkaNotFound as error:
        raise KafkaNotFound([*no_docker.reasons, *error.reasons]) from error
    with LocalKafka(data_dir, overrides=overrides, distribution=distribution) as broker:
        java = distribution.java.version
        how = f"Kafka {kafka_version()} on this machine (Java {java}) at {broker.bootstrap}"
        yield FoundKafka(broker.bootstrap, how)
