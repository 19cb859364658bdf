"""Declared topics and their configuration: `topics.toml`, parsed and expanded."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from plaudit.kafka.errors import SettingsError
from plaudit.kafka.settings import TOPICS_FILE, KafkaSettings
from plaudit.records.delays import NOW
from plaudit.records.names import Names
from plaudit.records.validation import explained

RETENTION: Final = "retention.ms"
MAX_MESSAGE: Final = "max.message.bytes"
CLEANUP: Final = "cleanup.policy"
TIMESTAMPS: Final = "message.timestamp.type"
MIN_ISR: Final = "min.insync.replicas"
UNCLEAN: Final = "unclean.leader.election.enable"
RETENTION_BYTES: Final = "retention.bytes"

_MILLIS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES: Final = {"": 1, "KiB": 1_024, "MiB": 1_048_576}
_QUANTITY: Final = re.compile(r"([0-9]{1,12}) ?([A-Za-z]*)")
# Retention deletes whole segments, so a record outlives it by the segment's age: at most a day
# here. Kafka's default of a week would exceed the month that erasure rules allow.
_SEGMENT_MS: Final = 86_400_000


class Section(StrEnum):
    """A kind of topic: one section of the declaration."""

    EVENTS = "events"
    DELIVERIES = "deliveries"
    DEAD_LETTERS = "dead_letters"
    ATTEMPTS = "attempts"
    ENDPOINTS = "endpoints"
    HEALTH = "health"
    SCHEMAS = "schemas"


# With more partitions, keys would move, and tombstones would miss their records.
FIXED_PARTITIONS: Final = frozenset(
    {
        Section.DELIVERIES,
        Section.DEAD_LETTERS,
        Section.ENDPOINTS,
        Section.HEALTH,
        Section.SCHEMAS,
    }
)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A declared topic.

    Attributes:
        name: name with the installation's prefix.
        section: kind of the topic.
        partitions: number of partitions.
        replication: number of replicas of each partition.
        config: Kafka's topic configuration, with values as Kafka formats them.
    """

    name: str
    section: Section
    partitions: int
    replication: int
    config: Mapping[str, str]

    @property
    def partitions_fixed(self) -> bool:
        """Whether the number of partitions must never change once the topic exists."""
        return self.section in FIXED_PARTITIONS

    def with_replicas(self, replicas: int) -> TopicSpec:
        """Return the topic with at most this many replicas, in total and in sync."""
        in_sync = self.config.get(MIN_ISR, "1")
        if in_sync.isdecimal() and int(in_sync) > replicas:
            in_sync = str(max(1, replicas))
        config = MappingProxyType({**self.config, MIN_ISR: in_sync})
        return replace(self, replication=min(self.replication, replicas), config=config)


def _quantity(units: Mapping[str, int], value: object, form: str) -> int:
    found = _QUANTITY.fullmatch(str(value))
    if found is None or found[2] not in units:
        msg = f"{value!r} is not of the form {form}"
        raise ValueError(msg)
    return int(found[1]) * units[found[2]]


def _duration(value: object) -> int:
    return _quantity(_MILLIS, value, "30s, 15m, 12h or 14d")


def _size(value: object) -> int:
    return _quantity(_BYTES, value, "1048576, 1088KiB or 1MiB")


def _config_value(value: object) -> str:
    """Format a configuration value as Kafka does; durations become milliseconds."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    found = _QUANTITY.fullmatch(text)
    if found is not None and found[2] in _MILLIS:
        return str(_duration(text))
    return text


Partitions = Annotated[int, Field(ge=1, le=10_000)]
Config = dict[str, Annotated[str, BeforeValidator(_config_value)]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _All(_Strict):
    replication: Annotated[int, Field(ge=1, le=100)]
    min_insync_replicas: Annotated[int, Field(ge=1, le=100)]
    config: Config = {}


class _Topics(_Strict):
    partitions: Partitions
    cleanup: Annotated[str, Field(pattern=r"^(compact|delete|compact,delete)$")]
    retention: Annotated[int, BeforeValidator(_duration)] | None = None
    max_message_bytes: Annotated[int, BeforeValidator(_size)]
    config: Config = {}


class Declaration(_Strict):
    """Parsed `topics.toml`: common values, and one section for each kind of topic."""

    all: _All
    events: _Topics
    deliveries: _Topics
    dead_letters: _Topics
    attempts: _Topics
    endpoints: _Topics
    health: _Topics
    schemas: _Topics

    def section(self, section: Section) -> _Topics:
        """Return the section of one kind of topic."""
        return {
            Section.EVENTS: self.events,
            Section.DELIVERIES: self.deliveries,
            Section.DEAD_LETTERS: self.dead_letters,
            Section.ATTEMPTS: self.attempts,
            Section.ENDPOINTS: self.endpoints,
            Section.HEALTH: self.health,
            Section.SCHEMAS: self.schemas,
        }[section]


def load(file: Path | None = None) -> Declaration:
    """Read the shipped declaration, overlaid with `file`.

    Raises:
        SettingsError: the file can't be read, or contains an invalid entry. The message names the
            file, the section and the entry.
    """
    merged = _merge(_shipped(), _read(file) if file is not None else {})
    try:
        return Declaration.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = explained(first)
        raise SettingsError(str(file or TOPICS_FILE), f"{where}: {reason}") from None


def declared(
    settings: KafkaSettings,
    *,
    single_node: bool = False,
    file: Path | None = None,
    partitions: Mapping[Section, int] = MappingProxyType({}),
) -> list[TopicSpec]:
    """Return every topic that this installation must have.

    Args:
        settings: prefix and retry tiers; its `topics_file` is read unless `file` is given.
        single_node: one replica each, for a cluster of one broker.
        file: file that overlays the shipped declaration.
        partitions: number of partitions, for sections that should differ.

    Raises:
        SettingsError: the declaration is invalid.
    """
    declaration = load(file or settings.topics_file)
    return [
        _spec(declaration, section, name, delay_ms, partitions, single_node=single_node)
        for section, name, delay_ms in _names(settings)
    ]


def _names(settings: KafkaSettings) -> list[tuple[Section, str, int]]:
    """Return each topic's section, name and delay in milliseconds."""
    names: Names = settings.names
    events = [(Section.EVENTS, name, 0) for name in names.event_topics]
    tiers = [
        (Section.DELIVERIES, names.deliveries(delay), delay.millis)
        for delay in (NOW, *settings.tiers)
    ]
    return [
        *events,
        *tiers,
        (Section.DEAD_LETTERS, names.dlq_events, 0),
        (Section.DEAD_LETTERS, names.dlq_deliveries, 0),
        (Section.ATTEMPTS, names.attempts, 0),
        (Section.ENDPOINTS, names.endpoints, 0),
        (Section.HEALTH, names.health, 0),
        (Section.SCHEMAS, names.schemas, 0),
    ]


def _spec(
    declaration: Declaration,
    section: Section,
    name: str,
    delay_ms: int,
    partitions: Mapping[Section, int],
    *,
    single_node: bool,
) -> TopicSpec:
    shared, own = declaration.all, declaration.section(section)
    config = {
        **shared.config,
        CLEANUP: own.cleanup,
        MAX_MESSAGE: str(own.max_message_bytes),
        MIN_ISR: "1" if single_node else str(shared.min_insync_replicas),
    }
    if own.retention is not None:
        config[RETENTION] = str(own.retention + delay_ms)
        config[RETENTION_BYTES] = "-1"  # the brokers' default may delete by size
        config["segment.ms"] = str(_SEGMENT_MS)
    return TopicSpec(
        name=name,
        section=section,
        partitions=partitions.get(section, own.partitions),
        replication=1 if single_node else shared.replication,
        config=MappingProxyType({**config, **own.config}),
    )


@cache
def _shipped() -> Mapping[str, object]:
    text = (resources.files("plaudit.kafka") / "topics.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _read(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(str(file), f"can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(file), f"is not TOML: {error}") from None


def _merge(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        if isinstance(lower, dict) and isinstance(value, dict):
            merged[key] = _merge(lower, value)
        else:
            merged[key] = value
    return merged
