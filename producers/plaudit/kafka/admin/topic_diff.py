"""Comparison of declared and actual topics, as pure functions, with messages for operators."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from plaudit.kafka.admin.client import TopicState
from plaudit.kafka.admin.topic_specs import (
    CLEANUP,
    MAX_MESSAGE,
    MIN_ISR,
    RETENTION,
    RETENTION_BYTES,
    TIMESTAMPS,
    UNCLEAN,
    Section,
    TopicSpec,
)
from plaudit.kafka.errors import NotAuthorized
from plaudit.records.delays import Delay, DelayError

# An idle group loses its committed offsets after the brokers' `offsets.retention.minutes`. The
# group then starts at the beginning or loses records, for as long as events are kept.
OFFSETS_RETENTION_MINUTES: Final = 14 * 24 * 60
_APPLY: Final = "run `plaudit topics apply`"
_CREATE: Final = f"{_APPLY}, or correct PLAUDIT_TOPIC_PREFIX"
_BY_HAND: Final = "can't be changed in place: create a new topic, or declare the actual value"


class Severity(StrEnum):
    """Severity of a difference: only errors make `plaudit topics check` fail."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Aspect(StrEnum):
    """Subject of a difference."""

    MISSING = "missing"
    DENIED = "denied"
    PARTITIONS = "partitions"
    REPLICATION = "replication"
    LEADER = "leader"
    CONFIG = "config"
    TIER = "tier"
    BROKER = "broker"
    FAILED = "failed"


# Settings that may exceed the declared value. Longer retention is safe for delivery, but erasure
# rules rely on Kafka deleting records.
_AT_LEAST: Final[Mapping[str, Severity | None]] = {
    RETENTION: Severity.WARNING,
    MAX_MESSAGE: None,
    MIN_ISR: Severity.WARNING,
}
_EXACTLY: Final = frozenset({CLEANUP, TIMESTAMPS, UNCLEAN, RETENTION_BYTES})


@dataclass(frozen=True, slots=True)
class TopicIssue:
    """A difference between declared and actual state.

    Attributes:
        severity: whether it must be corrected.
        aspect: subject of the difference.
        topic: name of the topic; empty for the brokers.
        what: description of the difference.
        advice: how to correct it.
        setting: the configuration property, if it is one.
    """

    severity: Severity
    aspect: Aspect
    topic: str
    what: str
    advice: str = ""
    setting: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.topic, self.what, self.advice) if part)


TopicStates = Mapping[str, TopicState | NotAuthorized | None]


def compare(specs: Collection[TopicSpec], states: TopicStates) -> list[TopicIssue]:
    """Return all differences between the topics and their declaration, worst first."""
    found = [finding for spec in specs for finding in _compare_one(spec, states[spec.name])]
    found += _uneven_tiers([spec for spec in specs if spec.section is Section.DELIVERIES], states)
    return in_order(found)


def in_order(findings: Collection[TopicIssue]) -> list[TopicIssue]:
    """Return differences with errors first, then by topic."""
    rank = list(Severity)
    return sorted(findings, key=lambda finding: (rank.index(finding.severity), finding.topic))


def other_tiers(
    specs: Collection[TopicSpec], deliveries_prefix: str, states: TopicStates
) -> list[TopicIssue]:
    """List `deliveries.*` topics that are not a configured tier; they are still drained."""
    known = {spec.name for spec in specs}
    width = next((s.partitions for s in specs if s.section is Section.DELIVERIES), 0)
    found = []
    for name, state in states.items():
        if name in known or not is_tier(name, deliveries_prefix):
            continue
        what = "not a tier of PLAUDIT_RETRY_TIERS; workers drain it"
        found.append(
            TopicIssue(Severity.NOTE, Aspect.TIER, name, what, "delete it once it is empty")
        )
        if isinstance(state, TopicState) and state.partitions != width:
            what = f"{state.partitions} partitions where the tiers have {width}"
            found.append(TopicIssue(Severity.WARNING, Aspect.PARTITIONS, name, what, _BY_HAND))
    return found


def is_tier(name: str, prefix: str) -> bool:
    """Return whether a topic is a tier, not a topic of an installation whose prefix is longer."""
    try:
        return name.startswith(prefix) and bool(Delay.parse(name.removeprefix(prefix)))
    except DelayError:
        return False


def broker_findings(config: Mapping[str, str] | NotAuthorized) -> list[TopicIssue]:
    """Return problems of the brokers' own configuration."""
    name = "offsets.retention.minutes"
    if isinstance(config, NotAuthorized):
        return [_denied("", f"can't see {name}", config)]
    minutes = config.get(name, "")
    if not minutes.isdecimal() or int(minutes) >= OFFSETS_RETENTION_MINUTES:
        return []
    what = f"the brokers' {name} is {minutes}, under 14 d: an idle group then loses its offsets"
    advice = f"set it to {OFFSETS_RETENTION_MINUTES} or more"
    return [TopicIssue(Severity.WARNING, Aspect.BROKER, "", what, advice, name)]


def stops_worker(finding: TopicIssue) -> bool:
    """Return whether a worker must not start: records would be lost, refused, or due too early."""
    if finding.severity is not Severity.ERROR:
        return False
    match finding.aspect:
        case Aspect.MISSING:
            return True
        case Aspect.CONFIG:
            return finding.setting in {RETENTION, RETENTION_BYTES, MAX_MESSAGE, TIMESTAMPS}
        case Aspect.PARTITIONS:
            return finding.setting == Section.DELIVERIES
        case _:
            return False


def _compare_one(spec: TopicSpec, look: TopicState | NotAuthorized | None) -> Iterator[TopicIssue]:
    match look:
        case None:
            yield TopicIssue(Severity.ERROR, Aspect.MISSING, spec.name, "does not exist", _CREATE)
        case NotAuthorized():
            yield _denied(spec.name, "can't be described", look)
        case TopicState():
            yield from _partitions(spec, look)
            yield from _replicas(spec, look)
            yield from _config(spec, look)


def _denied(topic: str, what: str, refusal: NotAuthorized) -> TopicIssue:
    reason = f"{what}: {refusal.code or 'not allowed'}"
    advice = "grant this user Describe and DescribeConfigs to check it"
    return TopicIssue(Severity.WARNING, Aspect.DENIED, topic, reason, advice)


def _partitions(spec: TopicSpec, state: TopicState) -> Iterator[TopicIssue]:
    if state.partitions == spec.partitions:
        return
    what = f"{state.partitions} partitions, declared {spec.partitions}"
    if spec.partitions_fixed:
        yield TopicIssue(Severity.ERROR, Aspect.PARTITIONS, spec.name, what, _BY_HAND)
    elif state.partitions < spec.partitions:
        yield TopicIssue(Severity.ERROR, Aspect.PARTITIONS, spec.name, what, _APPLY)
    else:
        advice = "declare that many; Kafka can't remove partitions"
        yield TopicIssue(Severity.WARNING, Aspect.PARTITIONS, spec.name, what, advice)


def _uneven_tiers(specs: Collection[TopicSpec], states: TopicStates) -> list[TopicIssue]:
    """Find tiers with different numbers of partitions: an endpoint would have several owners."""
    widths = {
        spec.name: state.partitions
        for spec in specs
        if isinstance(state := states[spec.name], TopicState)
    }
    if len(set(widths.values())) <= 1:
        return []
    listed = ", ".join(f"{name} {count}" for name, count in sorted(widths.items()))
    what = f"the deliveries topics must have the same number of partitions, but: {listed}"
    return [
        TopicIssue(
            Severity.ERROR, Aspect.PARTITIONS, "", what, _BY_HAND, setting=Section.DELIVERIES
        )
    ]


def _replicas(spec: TopicSpec, state: TopicState) -> Iterator[TopicIssue]:
    if state.replication < spec.replication:
        what = f"{state.replication} replicas, declared {spec.replication}"
        advice = "add replicas with kafka-reassign-partitions, or check with --single-node"
        yield TopicIssue(Severity.ERROR, Aspect.REPLICATION, spec.name, what, advice)
    if state.leaderless:
        listed = ", ".join(str(partition) for partition in state.leaderless)
        what = f"no leader for partitions {listed}"
        yield TopicIssue(Severity.WARNING, Aspect.LEADER, spec.name, what, "are all brokers up?")


def _config(spec: TopicSpec, state: TopicState) -> Iterator[TopicIssue]:
    if isinstance(state.config, NotAuthorized):
        yield _denied(spec.name, "its configuration can't be seen", state.config)
        return
    demanded = state.config.get(MIN_ISR, "1")
    impossible = demanded.isdecimal() and int(demanded) > state.replication
    if impossible:
        replicas = "1 replica" if state.replication == 1 else f"{state.replication} replicas"
        what = (
            f"each write waits for {demanded} replicas ({MIN_ISR}), and the topic has {replicas}; "
            "brokers before Kafka 4 refuse every write"
        )
        advice = f"{_APPLY}, which lowers it to {state.replication}"
        yield TopicIssue(Severity.ERROR, Aspect.REPLICATION, spec.name, what, advice)
    # Missing replicas are a separate issue, which `apply` can't fix.
    for setting, wanted in spec.with_replicas(state.replication).config.items():
        actual = state.config.get(setting, "")
        severity = _judge(setting, actual, wanted)
        if severity is not None and not (impossible and setting == MIN_ISR):
            what = f"{setting} is {actual or 'unset'}, declared {wanted}"
            yield TopicIssue(severity, Aspect.CONFIG, spec.name, what, _APPLY, setting)


def _judge(setting: str, actual: str, wanted: str) -> Severity | None:
    """Return the severity of a different configuration value; None when it does not matter."""
    if set(actual.split(",")) == set(wanted.split(",")):  # cleanup.policy is a set
        return None
    if setting in _AT_LEAST:
        return Severity.ERROR if _below(actual, wanted) else _AT_LEAST[setting]
    return Severity.ERROR if setting in _EXACTLY else Severity.WARNING


def _below(actual: str, wanted: str) -> bool:
    """Return whether a number is below another; -1 means unlimited."""
    if not actual.removeprefix("-").isdecimal():
        return True
    has, needs = int(actual), int(wanted)
    return has >= 0 and (needs < 0 or has < needs)
