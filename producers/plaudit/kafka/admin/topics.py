"""Topic management behind `plaudit topics apply|check|show`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.kafka.admin.client import Admin, TopicState
from plaudit.kafka.admin.topic_diff import (
    Aspect,
    Severity,
    TopicIssue,
    TopicStates,
    broker_findings,
    compare,
    in_order,
    is_tier,
    other_tiers,
    stops_worker,
)
from plaudit.kafka.admin.topic_specs import Section, TopicSpec, declared
from plaudit.kafka.errors import KafkaFailure, NotAuthorized
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.waiting import ask_until

__all__ = [
    "Admin",
    "Applied",
    "Aspect",
    "Section",
    "Severity",
    "TopicIssue",
    "TopicSpec",
    "apply",
    "check",
    "declared",
    "show",
    "worker_requirements",
]

_PROPAGATION_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Applied:
    """Result of `apply`.

    Attributes:
        created: topics that were missing.
        grown: topics to which partitions were added.
        configured: topics whose configuration was changed.
        findings: remaining differences; with an error among them, the topics are not as declared.
    """

    created: tuple[str, ...]
    grown: tuple[str, ...]
    configured: tuple[str, ...]
    findings: tuple[TopicIssue, ...]

    @property
    def ok(self) -> bool:
        """Whether the topics are as declared now."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


def apply(admin: Admin, specs: Collection[TopicSpec]) -> Applied:
    """Create missing topics, and change existing ones where Kafka allows it; then compare again.

    It only adds partitions, and never to a topic whose keys must keep their partition. It leaves
    undeclared topics and properties alone. On a single broker, each topic has one replica.

    Raises:
        KafkaFailure: the brokers are unavailable, or refuse to describe a topic.
    """
    specs = _fitting(admin, specs)
    states = admin.describe([spec.name for spec in specs])
    created = admin.create([spec for spec in specs if states[spec.name] is None])
    existing = [
        (spec, state) for spec in specs if isinstance(state := states[spec.name], TopicState)
    ]
    grown = {
        spec.name: admin.grow(spec.name, spec.partitions)
        for spec, state in existing
        if state.partitions < spec.partitions and not spec.partitions_fixed
    }
    configured = {
        spec.name: admin.configure(spec.name, different)
        for spec, state in existing
        if (different := _different(spec, state))
    }
    outcomes = [pair for done in (created, grown, configured) for pair in done.items()]
    failed = [_failed(name, why) for name, why in outcomes if why is not None]
    unmade = {finding.topic for finding in failed}
    findings = _compare_again(admin, specs, {name for name, _ in outcomes} - unmade)
    rest = [f for f in findings if f.aspect is not Aspect.MISSING or f.topic not in unmade]
    return Applied(
        created=_succeeded(created),
        grown=_succeeded(grown),
        configured=_succeeded(configured),
        findings=tuple(in_order([*failed, *rest])),
    )


def _fitting(admin: Admin, specs: Collection[TopicSpec]) -> Collection[TopicSpec]:
    """Return the declaration as the cluster can fulfil it: one replica on a single broker."""
    if all(spec.replication == 1 for spec in specs) or not admin.has_one_broker():
        return specs
    return [spec.with_replicas(1) for spec in specs]


def _compare_again(
    admin: Admin, specs: Collection[TopicSpec], changed: Collection[str]
) -> list[TopicIssue]:
    """Compare after changes; the broker that answers may learn of them a moment later."""
    return ask_until(
        lambda: compare(specs, admin.describe([spec.name for spec in specs])),
        _PROPAGATION_S,
        enough=lambda findings: all(finding.topic not in changed for finding in findings),
    )


def check(
    admin: Admin, specs: Collection[TopicSpec], deliveries_prefix: str = ""
) -> list[TopicIssue]:
    """Return all differences of topics and brokers from the declaration, worst first.

    Args:
        admin: client for the look-ups.
        specs: declared topics.
        deliveries_prefix: `Names.deliveries_prefix`, to list tiers that the settings don't contain.

    Raises:
        KafkaFailure: the brokers are unavailable.
    """
    specs = _fitting(admin, specs)
    states = _states(admin, specs, deliveries_prefix)
    others = other_tiers(specs, deliveries_prefix, states) if deliveries_prefix else []
    return in_order([*compare(specs, states), *others, *broker_findings(admin.broker_config())])


def show(
    admin: Admin, specs: Collection[TopicSpec], deliveries_prefix: str = ""
) -> Mapping[str, TopicState | NotAuthorized | None]:
    """Return the state of every declared topic and of every other `deliveries.*` topic.

    Raises:
        KafkaFailure: the brokers are unavailable.
    """
    return _states(admin, specs, deliveries_prefix)


def worker_requirements(admin: Admin, settings: KafkaSettings) -> list[TopicIssue]:
    """Return the differences that prevent a worker from starting; empty when it may start.

    These are: missing topics, too short retention, size limits below an event topic's, timestamps
    from producers, and tiers with different numbers of partitions. A worker starts without
    the `health` topic, which only saves attempts, and if its user may not describe topics.

    Raises:
        KafkaFailure: the brokers are unavailable.
        SettingsError: the declaration is invalid.
    """
    specs = [each for each in declared(settings) if each.section is not Section.HEALTH]
    states = admin.describe([spec.name for spec in specs])
    return [finding for finding in compare(specs, states) if stops_worker(finding)]


def _states(admin: Admin, specs: Collection[TopicSpec], deliveries_prefix: str) -> TopicStates:
    names = [spec.name for spec in specs]
    if deliveries_prefix:
        names += [
            name
            for name in admin.topic_names()
            if is_tier(name, deliveries_prefix) and name not in names
        ]
    return admin.describe(names)


def _different(spec: TopicSpec, state: TopicState) -> dict[str, str]:
    """Return the declared properties that a topic lacks and its cluster can satisfy.

    If more replicas had to be in sync than exist, every write would fail.
    """
    wanted = spec.with_replicas(state.replication).config
    if isinstance(state.config, NotAuthorized):
        return dict(wanted)  # the current values are hidden, so set all of them
    return {key: value for key, value in wanted.items() if state.config.get(key) != value}


def _failed(topic: str, failure: KafkaFailure) -> TopicIssue:
    advice = ""
    if failure.code == "INVALID_REPLICATION_FACTOR":
        advice = "for a single broker use --single-node"
    what = f"not applied: {failure.code}: {failure.reason}"
    return TopicIssue(Severity.ERROR, Aspect.FAILED, topic, what, advice)


def _succeeded(outcomes: Mapping[str, KafkaFailure | None]) -> tuple[str, ...]:
    return tuple(name for name, failure in outcomes.items() if failure is None)
