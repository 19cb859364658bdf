"""Admin client for topics and groups. Calls have a time limit, and raise only our own errors."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, TypeVar

from confluent_kafka import (
    ConsumerGroupState,
    KafkaException,
    Node,
    TopicCollection,
)
from confluent_kafka.cimpl import NewPartitions, NewTopic

from plaudit.kafka.admin.members import GroupMember
from plaudit.kafka.admin.topic_specs import TopicSpec
from plaudit.kafka.admin_clients import open_admin_client

# The package `admin` does not declare its exports; the modules that define these do.
from plaudit.kafka.admin_types import (
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    TopicDescription,
)
from plaudit.kafka.connection_errors import ConnectionErrors, call_until
from plaudit.kafka.errors import KafkaFailure, KafkaUnavailable, NotAuthorized, translate
from plaudit.kafka.settings import KafkaSettings

DEFAULT_TIMEOUT_S: Final = 15.0
# librdkafka ends a request at its own time-out. If the future is still pending a little later, we
# abandon it (one hung for ten minutes).
_GRACE_S: Final = 2.0
_SERVE_S: Final = 0.1
_REACH_S: Final = 0.4
_READ_BROKER_CONFIG: Final = "read the brokers' configuration"
_OFFSETS_COPIES: Final = "offsets.topic.replication.factor"

# Error codes of a deletion when the object does not exist.
_ALREADY_GONE: Final = frozenset({"UNKNOWN_TOPIC_OR_PART", "GROUP_ID_NOT_FOUND"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TopicState:
    """Actual state of a topic.

    Attributes:
        name: name of the topic.
        partitions: number of partitions.
        replication: lowest number of replicas of a partition.
        leaderless: partitions that currently have no leader.
        config: effective configuration, or why it can't be read.
    """

    name: str
    partitions: int
    replication: int
    leaderless: tuple[int, ...]
    config: Mapping[str, str] | NotAuthorized


class Admin:
    """Reads and changes topics.

    Args:
        settings: connection to Kafka.
        timeout_s: time limit of each call.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._errors = ConnectionErrors()
        config = {**settings.client_config(), "error_cb": self._errors.note_error}
        self._client = open_admin_client(settings, config)

    def reach(self, doubt_s: float = 1.0) -> None:
        """Check that the brokers answer; fail early if a connection error explains why not.

        Args:
            doubt_s: seconds that a connection error may last, since one bad broker is harmless.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        began = time.monotonic()
        while True:
            try:
                self._client.list_topics(timeout=_REACH_S)
            except KafkaException as error:
                self._client.poll(_SERVE_S)
                waited_s = time.monotonic() - began
                failure = self._errors.explained(translate(error, "reach the brokers"))
                patience_s = doubt_s if self.trouble else self._timeout_s
                if waited_s >= patience_s or not isinstance(failure, KafkaUnavailable):
                    raise failure from None
            else:
                return

    @property
    def trouble(self) -> str:
        """Reason of the latest connection error; empty if connections work."""
        return self._errors.reason or ""

    def members(self, group: str) -> Sequence[GroupMember]:
        """Return the members of a consumer group; none if the group does not exist.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        described = self._client.describe_consumer_groups([group], request_timeout=self._timeout_s)
        found = self._find(described[group], f"describe group {group}")
        if isinstance(found, NotAuthorized):
            raise found
        members = () if found is None else found.members
        return [
            GroupMember(each.client_id, each.host, len(each.assignment.topic_partitions))
            for each in members
        ]

    def topic_names(self) -> list[str]:
        """Return the names of all topics that this user may see.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        doing = "list topics"
        return sorted(self._metadata(doing).topics)

    def describe(self, names: Collection[str]) -> dict[str, TopicState | NotAuthorized | None]:
        """Return the state of each topic; None for a topic that does not exist.

        Raises:
            KafkaFailure: the brokers are unavailable, or answer with an error other than a refusal.
        """
        self._metadata("describe topics")  # a rejected login fails here within a moment
        described = self._client.describe_topics(
            TopicCollection(list(names)), request_timeout=self._timeout_s
        )
        found: dict[str, TopicDescription | NotAuthorized | None] = {
            name: self._find(future, f"describe topic {name}") for name, future in described.items()
        }
        existing = [name for name, topic in found.items() if isinstance(topic, TopicDescription)]
        configs = self._configs(existing)
        return {
            name: _state(topic, configs[name]) if isinstance(topic, TopicDescription) else topic
            for name, topic in found.items()
        }

    def create(self, specs: Collection[TopicSpec]) -> dict[str, KafkaFailure | None]:
        """Create topics; return the error of each, or None.

        Raises:
            KafkaUnavailable: the brokers are unavailable.
        """
        if not specs:
            return {}
        new = [
            NewTopic(spec.name, spec.partitions, spec.replication, config=dict(spec.config))
            for spec in specs
        ]
        futures = self._client.create_topics(
            new, operation_timeout=self._timeout_s, request_timeout=self._timeout_s
        )
        return {name: self._outcome(f, f"create topic {name}") for name, f in futures.items()}

    def grow(self, name: str, partitions: int) -> KafkaFailure | None:
        """Raise a topic's number of partitions to `partitions`; return the error, or None.

        Raises:
            KafkaUnavailable: the brokers are unavailable.
        """
        futures = self._client.create_partitions(
            [NewPartitions(name, partitions)],
            operation_timeout=self._timeout_s,
            request_timeout=self._timeout_s,
        )
        return self._outcome(futures[name], f"add partitions to topic {name}")

    def configure(self, name: str, config: Mapping[str, str]) -> KafkaFailure | None:
        """Set these properties of a topic and keep its others; return the error, or None.

        Raises:
            KafkaUnavailable: the brokers are unavailable.
        """
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in config.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        futures = self._client.incremental_alter_configs(
            [resource], request_timeout=self._timeout_s
        )
        return self._outcome(futures[resource], f"configure topic {name}")

    def partition_counts(self, group: str) -> Sequence[int] | None:
        """Return the number of partitions of each member of a consumer group.

        None while the group rebalances.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        described = self._client.describe_consumer_groups([group], request_timeout=self._timeout_s)
        found = self._wait(described[group], f"describe group {group}")
        if found.state is not ConsumerGroupState.STABLE:
            return None
        return [len(member.assignment.topic_partitions) for member in found.members]

    def remove(self, topics: Collection[str], groups_prefix: str) -> list[KafkaFailure]:
        """Delete topics, and consumer groups with this prefix; return the failed deletions.

        For temporary installations. It ignores missing topics and groups. Deleting a group fails
        while it has members, or shortly after they were killed.

        Raises:
            KafkaUnavailable: the brokers are unavailable.
        """
        listing = self._client.list_consumer_groups(request_timeout=self._timeout_s)
        groups = [
            each.group_id
            for each in self._wait(listing, "list groups").valid
            if each.group_id.startswith(groups_prefix)
        ]
        futures: dict[str, Future[object]] = self._client.delete_topics(
            list(topics), operation_timeout=self._timeout_s, request_timeout=self._timeout_s
        )
        if groups:
            futures |= self._client.delete_consumer_groups(groups, request_timeout=self._timeout_s)
        outcomes = [self._outcome(future, f"delete {name}") for name, future in futures.items()]
        return [each for each in outcomes if each is not None and each.code not in _ALREADY_GONE]

    def broker_config(self) -> Mapping[str, str] | NotAuthorized:
        """Return the configuration of one broker, or why it can't be read.

        Raises:
            KafkaFailure: the brokers are unavailable.
        """
        return self._config_of(min(self._metadata(_READ_BROKER_CONFIG).brokers))

    def has_one_broker(self) -> bool:
        """Return whether the cluster was set up as a single broker.

        A broker that answers alone may be the last of three. So this reads how many copies of the
        group offsets the brokers keep: a cluster of one keeps a single copy.

        Raises:
            KafkaFailure: the brokers are unavailable.
        """
        brokers = self._metadata(_READ_BROKER_CONFIG).brokers
        if len(brokers) != 1:
            return False
        config = self._config_of(min(brokers))
        return not isinstance(config, NotAuthorized) and config.get(_OFFSETS_COPIES) == "1"

    def _config_of(self, broker: int) -> Mapping[str, str] | NotAuthorized:
        doing = _READ_BROKER_CONFIG
        resource = ConfigResource(ConfigResource.Type.BROKER, str(broker))
        futures = self._client.describe_configs([resource], request_timeout=self._timeout_s)
        found: dict[str, ConfigEntry] | NotAuthorized | None = self._find(futures[resource], doing)
        return found if isinstance(found, NotAuthorized) else _values(found or {})

    def _metadata(self, doing: str) -> ClusterMetadata:
        def ask(timeout_s: float) -> ClusterMetadata:
            return self._client.list_topics(timeout=timeout_s)

        def serve() -> None:
            self._client.poll(_SERVE_S)

        return call_until(ask, doing, self._timeout_s, self._errors, serve)

    def _configs(self, names: Collection[str]) -> dict[str, Mapping[str, str] | NotAuthorized]:
        if not names:
            return {}
        futures = self._client.describe_configs(
            [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names],
            request_timeout=self._timeout_s,
        )
        found: dict[str, Mapping[str, str] | NotAuthorized] = {}
        for resource, future in futures.items():
            doing = f"describe the configuration of topic {resource.name}"
            config: dict[str, ConfigEntry] | NotAuthorized | None = self._find(future, doing)
            found[resource.name] = (
                config if isinstance(config, NotAuthorized) else _values(config or {})
            )
        return found

    def _find(self, future: Future[T], doing: str) -> T | NotAuthorized | None:
        """Return the result of a look-up: the object, None if it does not exist, or the refusal."""
        try:
            return self._wait(future, doing)
        except NotAuthorized as refusal:
            return refusal
        except KafkaFailure as failure:
            if failure.code in _ALREADY_GONE:
                return None
            raise

    def _outcome(self, future: Future[object], doing: str) -> KafkaFailure | None:
        try:
            self._wait(future, doing)
        except KafkaUnavailable:
            raise
        except KafkaFailure as failure:
            return failure
        return None

    def _wait(self, future: Future[T], doing: str) -> T:
        try:
            return future.result(self._timeout_s + _GRACE_S)
        except TimeoutError:
            raise KafkaUnavailable(doing, "no answer in time") from None
        except KafkaException as error:
            raise self._failure(error, doing) from None

    def _failure(self, error: KafkaException, doing: str) -> KafkaFailure:
        failure = translate(error, doing)
        if isinstance(failure, KafkaUnavailable):
            self._client.poll(0)  # serves the error callback with the connections' errors
        return self._errors.explained(failure)


def _state(topic: TopicDescription, config: Mapping[str, str] | NotAuthorized) -> TopicState:
    return TopicState(
        name=topic.name,
        partitions=len(topic.partitions),
        replication=min((len(part.replicas) for part in topic.partitions), default=0),
        leaderless=tuple(part.id for part in topic.partitions if not _led(part.leader)),
        config=config,
    )


def _led(leader: Node | None) -> bool:
    return leader is not None and leader.id >= 0


def _values(entries: Mapping[str, ConfigEntry]) -> dict[str, str]:
    """Return configuration as text, without values that the brokers hide."""
    return {name: entry.value for name, entry in entries.items() if entry.value is not None}
