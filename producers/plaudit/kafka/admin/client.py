"""Admin client for topics: every call has a time limit and raises only our own errors."""

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
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from plaudit.kafka.admin.members import GroupMember
from plaudit.kafka.admin.topic_specs import TopicSpec

# The package `admin` does not declare its exports; the modules that define these do.
from plaudit.kafka.admin_types import (
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    TopicDescription,
)
from plaudit.kafka.clients import open_client
from plaudit.kafka.connection_errors import ConnectionErrors, answered
from plaudit.kafka.errors import KafkaFailure, KafkaUnavailable, NotAuthorized, translate
from plaudit.kafka.settings import KafkaSettings

DEFAULT_TIMEOUT_S: Final = 15.0
# librdkafka answers at its own request timeout. A future that does not answer is abandoned a
# little later (one has been seen to hang for ten minutes).
_GRACE_S: Final = 2.0
_SERVE_S: Final = 0.1
_REACH_S: Final = 0.4
_LOOK_AT_BROKERS: Final = "look at the brokers' configuration"
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
        replication: replicas of the partition with the fewest.
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
        self._troubles = ConnectionErrors()
        config = {**settings.client_config(), "error_cb": self._troubles.note_error}
        self._client = open_client(settings, AdminClient, config)

    def reach(self, doubt_s: float = 1.0) -> None:
        """Check that the brokers answer; fail early if a connection error explains why not.

        Args:
            doubt_s: seconds that a connection error may take to go away, as with one bad broker.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        began = time.monotonic()
        doing = "reach the brokers"
        while True:
            try:
                self._client.list_topics(timeout=_REACH_S)
            except KafkaException as error:
                self._client.poll(_SERVE_S)
                waited_s = time.monotonic() - began
                failure = self._troubles.explained(translate(error, doing))
                explained = bool(self._troubles.reason) and waited_s >= doubt_s
                if (
                    explained
                    or not isinstance(failure, KafkaUnavailable)
                    or waited_s >= self._timeout_s
                ):
                    raise failure from None
            else:
                return

    def members(self, group: str) -> Sequence[GroupMember]:
        """Return the members of a consumer group; none if the group does not exist.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        described = self._client.describe_consumer_groups([group], request_timeout=self._timeout_s)
        found = self._look(described[group], f"look at group {group}")
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

    def look_at(self, names: Collection[str]) -> dict[str, TopicState | NotAuthorized | None]:
        """Return the state of each topic; None for a topic that does not exist.

        Raises:
            KafkaFailure: the brokers are unavailable, or answer with an error other than a refusal.
        """
        self._metadata("look at topics")  # a rejected login fails here within a moment
        described = self._client.describe_topics(
            TopicCollection(list(names)), request_timeout=self._timeout_s
        )
        found: dict[str, TopicDescription | NotAuthorized | None] = {
            name: self._look(future, f"look at topic {name}") for name, future in described.items()
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
        """Set some of a topic's configuration, and keep the rest; return the error, or None.

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

    def shares(self, group: str) -> Sequence[int] | None:
        """Return the number of partitions of each member of a consumer group.

        None while the group rebalances.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        described = self._client.describe_consumer_groups([group], request_timeout=self._timeout_s)
        found = self._wait(described[group], f"look at group {group}")
        if found.state is not ConsumerGroupState.STABLE:
            return None
        return [len(member.assignment.topic_partitions) for member in found.members]

    def remove(self, topics: Collection[str], groups_prefix: str) -> list[KafkaFailure]:
        """Delete topics, and consumer groups with these prefixes; return what still exists.

        For temporary installations. A missing topic or group is not an error. A group whose members
        have not left, or were killed a moment ago, is one.

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
        return self._config_of(min(self._metadata(_LOOK_AT_BROKERS).brokers))

    def has_one_broker(self) -> bool:
        """Return whether the cluster was set up as a single broker.

        One broker that answers may be the last of three. One that keeps a single copy of the
        groups' offsets was never more.

        Raises:
            KafkaFailure: the brokers are unavailable.
        """
        brokers = self._metadata(_LOOK_AT_BROKERS).brokers
        if len(brokers) != 1:
            return False
        config = self._config_of(min(brokers))
        return not isinstance(config, NotAuthorized) and config.get(_OFFSETS_COPIES) == "1"

    def _config_of(self, broker: int) -> Mapping[str, str] | NotAuthorized:
        doing = _LOOK_AT_BROKERS
        resource = ConfigResource(ConfigResource.Type.BROKER, str(broker))
        futures = self._client.describe_configs([resource], request_timeout=self._timeout_s)
        found: dict[str, ConfigEntry] | NotAuthorized | None = self._look(futures[resource], doing)
        return found if isinstance(found, NotAuthorized) else _values(found or {})

    def _metadata(self, doing: str) -> ClusterMetadata:
        def ask(timeout_s: float) -> ClusterMetadata:
            return self._client.list_topics(timeout=timeout_s)

        def serve() -> None:
            self._client.poll(_SERVE_S)

        return answered(ask, doing, self._timeout_s, self._troubles, serve)

    def _configs(self, names: Collection[str]) -> dict[str, Mapping[str, str] | NotAuthorized]:
        if not names:
            return {}
        futures = self._client.describe_configs(
            [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names],
            request_timeout=self._timeout_s,
        )
        found: dict[str, Mapping[str, str] | NotAuthorized] = {}
        for resource, future in futures.items():
            doing = f"look at the configuration of topic {resource.name}"
            config: dict[str, ConfigEntry] | NotAuthorized | None = self._look(future, doing)
            found[resource.name] = (
                config if isinstance(config, NotAuthorized) else _values(config or {})
            )
        return found

    def _look(self, future: Future[T], doing: str) -> T | NotAuthorized | None:
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
        return self._troubles.explained(failure)


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
