"""A broker for `plaudit dev` and the tests: one that is there, or one that is started.

In this order: the cluster that was configured; Docker; Apache Kafka on this machine's Java.
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
    """A broker that can be used.

    Attributes:
        bootstrap: value of `bootstrap.servers`.
        how: one line for people, such as `Kafka 4.3.1 on this machine (Java 17.0.15)`.
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
    """Yield a broker; one that was started for this is stopped afterwards.

    Blocks: 2 to 3 s for a local broker, and some 10 s more the first time.

    Args:
        configured: `KAFKA_BOOTSTRAP_SERVERS` (the tests pass `PLAUDIT_TEST_KAFKA`); not checked.
        announce: takes the one line that says which broker it is, once it can be used.
        data_dir: where a local broker keeps its data; None: a folder that goes with it.
        overrides: broker properties, for a broker that is started here.

    Raises:
        KafkaNotFound: nothing configured, and none can be started; says what to install.
        KafkaStartFailed: a broker was started and did not come up.
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
