"""The state of consumer groups: holders of partitions, and committed positions."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from struct import unpack_from
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from lab.evidence import Committed
from plaudit.deliver.offsets import bitmap
from plaudit.kafka.clients import open_client
from plaudit.kafka.errors import KafkaUnavailable
from plaudit.kafka.read.bound_metadata import unbind
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.watermarks import log_bounds
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka.admin._metadata import GroupMetadata

CALL_S: Final = 10.0
STABLE_S: Final = 20.0
LOOK_EVERY_S: Final = 0.1


class Groups:
    """Queries the brokers about the groups of both lanes.

    Args:
        settings: of a user who may ask.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        names = settings.names
        self._settings = settings
        self._topics = {
            names.events_group: names.event_topics,
            names.deliveries_group: (
                names.deliveries_now,
                *(names.deliveries(delay) for delay in settings.tiers),
            ),
        }
        self._admin = open_client(settings, AdminClient, settings.client_config())

    def held_by(self, client_id: str) -> set[Partition]:
        """Return the partitions of a worker, once no group rebalances."""
        held: set[Partition] = set()
        for group in self._topics:
            found = self._stable(group)
            if found is None:
                # A broker describes groups of the newer protocol to no client of ours.
                held |= self._all_of(group)
                continue
            for member in found.members:
                if member.client_id == client_id:
                    held |= set(_assigned(member.assignment))
        return held

    def committed(self, partitions: Collection[Partition]) -> dict[Partition, Committed | None]:
        """Return the committed position of each partition."""
        places: dict[Partition, Committed | None] = {}
        for group, topics in self._topics.items():
            mine = [each for each in partitions if each.topic in topics]
            if mine:
                places |= self._committed(group, mine)
        return places

    def behind(self) -> dict[Partition, int]:
        """Return the partitions with uncommitted records, and their number."""
        behind: dict[Partition, int] = {}
        for group in self._topics:
            partitions = self._all_of(group)
            committed = self._committed(group, partitions)
            with _client(self._settings, group) as client:  # each has its threads and connections
                for partition, place in committed.items():
                    try:
                        low, high = log_bounds(client, TopicPartition(*partition), CALL_S)
                    except KafkaUnavailable:  # a new leader does not know yet
                        behind[partition] = 1
                        continue
                    left = high - (low if place is None else place.offset)
                    if left:
                        behind[partition] = left
        return behind

    def _stable(self, group: str) -> GroupMetadata | None:
        """Return the description of a stable group; None if it is not available.

        It uses the older, deprecated call of the client: the newer one aborts the process if the
        group's coordinator disappears during the call (librdkafka #4605).
        """
        deadline = time.monotonic() + STABLE_S
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    found = self._admin.list_groups(group, timeout=CALL_S)
            except KafkaException:  # brokers are unavailable or busy
                found = []
            for each in found:
                if each.state == "Stable":
                    return each
                if not each.members:
                    return None
            if time.monotonic() > deadline:
                return None
            time.sleep(LOOK_EVERY_S)

    def _all_of(self, group: str) -> set[Partition]:
        metadata = self._admin.list_topics(timeout=CALL_S).topics
        return {
            Partition(topic, number)
            for topic in self._topics[group]
            for number in metadata[topic].partitions
        }

    def _committed(
        self, group: str, partitions: Iterable[Partition]
    ) -> dict[Partition, Committed | None]:
        wanted = [TopicPartition(*each) for each in partitions]
        with _client(self._settings, group) as client:
            found = _patiently(lambda: client.committed(wanted, timeout=CALL_S))
            cluster = client.list_topics(wanted[0].topic, timeout=CALL_S).cluster_id or ""
        return {Partition(each.topic, each.partition): _read(each, cluster) for each in found}


def _assigned(raw: bytes) -> Iterator[Partition]:
    """Read a member's assignment (ConsumerProtocolAssignment: version, topics, user data)."""
    (topics,) = unpack_from(">2xi", raw)
    at = 6
    for _ in range(topics):
        (length,) = unpack_from(">h", raw, at)
        topic = raw[at + 2 : at + 2 + length].decode()
        at += 2 + length
        (count,) = unpack_from(">i", raw, at)
        for number in unpack_from(f">{count}i", raw, at + 4):
            yield Partition(topic, number)
        at += 4 + 4 * count


def _patiently(ask: Callable[[], list[TopicPartition]]) -> list[TopicPartition]:
    """Repeat a query for a while, because a group's coordinator may be moving."""
    deadline = time.monotonic() + STABLE_S
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_EVERY_S)


def _client(settings: KafkaSettings, group: str) -> Client:
    """Return a client that asks for a group's offsets without joining it."""
    own = {"group.id": group, "enable.auto.commit": False}
    config = settings.client_config()
    config.pop("group.protocol", None)
    return open_client(settings, Client, {**config, **own})


def _read(place: TopicPartition, cluster: str) -> Committed | None:
    if place.offset < 0:
        return None
    text = unbind(cluster, place.offset, place.metadata or "")
    try:
        done = bitmap.decode(place.offset, text)
    except bitmap.ForeignMetadata:  # of a previous release, or of a mirrored cluster
        done = []
    return Committed(place.offset, frozenset(done))
