"""Topics are made as declared, and every difference is found and said in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from command import CommandLine
from conftest import FEW
from plaudit.kafka.admin.topic_specs import MIN_ISR, Section, TopicSpec, declared
from plaudit.kafka.admin.topics import (
    Admin,
    Aspect,
    Severity,
    TopicIssue,
    apply,
    check,
    show,
    worker_requirements,
)
from plaudit.kafka.settings import KafkaSettings
from waiting import PROMPTLY_S, until_equal

pytestmark = pytest.mark.broker


def specs_of(settings: KafkaSettings) -> dict[str, TopicSpec]:
    return {s.name: s for s in declared(settings, single_node=True, partitions=FEW)}


def seen(find: Callable[[], list[TopicIssue]], count: int) -> list[TopicIssue]:
    """Look until a change has reached the broker that is asked, a moment after the answer."""
    found: list[TopicIssue] = []

    def ask() -> int:
        found[:] = find()
        return len(found)

    until_equal(ask, count)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A declaration with the few partitions that tests make."""
    path = tmp_path / "topics.toml"
    sections = (f"[{section}]\npartitions = {number}\n" for section, number in FEW.items())
    path.write_text("".join(sections), encoding="utf-8")
    return path


def test_applying_twice_changes_nothing_the_second_time(topics: KafkaSettings) -> None:
    again = apply(Admin(topics), specs_of(topics).values())
    assert again.ok
    assert (again.created, again.grown, again.configured) == ((), (), ())
    assert check(Admin(topics), specs_of(topics).values(), topics.names.deliveries_prefix) == []


def test_a_topic_changed_by_hand_is_found_stops_a_worker_and_is_corrected(
    topics: KafkaSettings,
) -> None:
    admin, specs = Admin(topics), specs_of(topics)
    events, tier = topics.names.event_topics[0], topics.names.deliveries_now
    assert admin.configure(events, {"message.timestamp.type": "CreateTime"}) is None
    assert admin.configure(tier, {"retention.ms": "60000", "max.message.bytes": "1000"}) is None
    found = seen(lambda: check(admin, specs.values()), 3)
    assert {(f.topic, f.setting, f.severity) for f in found} == {
        (events, "message.timestamp.type", Severity.ERROR),
        (tier, "retention.ms", Severity.ERROR),
        (tier, "max.message.bytes", Severity.ERROR),
    }
    stopping = {f.setting for f in worker_requirements(admin, topics)}
    assert stopping == {"message.timestamp.type", "retention.ms", "max.message.bytes"}
    applied = apply(admin, specs.values())
    assert set(applied.configured) == {events, tier}
    assert applied.ok


def test_more_is_fine_except_where_erasure_depends_on_less(topics: KafkaSettings) -> None:
    admin, name = Admin(topics), topics.names.attempts
    admin.configure(name, {"retention.ms": "-1", "max.message.bytes": "9000000"})
    found = seen(lambda: check(admin, specs_of(topics).values()), 1)
    assert [(f.setting, f.severity) for f in found] == [("retention.ms", Severity.WARNING)]


def test_events_topics_grow_and_tiers_never_do(topics: KafkaSettings) -> None:
    wider = {**FEW, Section.EVENTS: 5, Section.DELIVERIES: 5}
    specs = declared(topics, single_node=True, partitions=wider)
    applied = apply(Admin(topics), specs)
    assert set(applied.grown) == set(topics.names.event_topics)
    assert not applied.ok
    assert {f.aspect for f in applied.findings} == {Aspect.PARTITIONS}
    assert all("changed in place" in f.advice for f in applied.findings)
    assert len(applied.findings) == 1 + len(topics.tiers)


def test_missing_topics_and_uneven_tiers_stop_a_worker(topics: KafkaSettings) -> None:
    admin = Admin(topics)
    client = AdminClient({"bootstrap.servers": topics.bootstrap_servers})
    for future in client.delete_topics([topics.names.attempts]).values():
        future.result(PROMPTLY_S)
    admin.grow(topics.names.deliveries_now, 6)
    found = seen(lambda: worker_requirements(admin, topics), 2)
    assert {(f.aspect, f.topic) for f in found} == {
        (Aspect.MISSING, topics.names.attempts),
        (Aspect.PARTITIONS, ""),
    }


class ReticentAdmin(Admin):
    """Of a user who may not see the brokers' configuration."""

    def has_one_broker(self) -> bool:
        """Return what the answer is without that right."""
        return False


def test_a_single_broker_is_recognized_without_the_option(settings: KafkaSettings) -> None:
    spec = declared(settings)[0]
    admin = Admin(settings)
    assert (spec.replication, spec.config[MIN_ISR]) == (3, "2")
    assert apply(admin, [spec]).ok
    assert check(admin, [spec]) == []
    # What an earlier release asked for, and what can't be fulfilled, is put right.
    assert admin.configure(spec.name, {MIN_ISR: "2"}) is None
    found = seen(lambda: check(admin, [spec]), 1)
    assert "waits for 2 replicas" in str(found[0])
    assert "the topic has 1 replica; " in str(found[0])
    assert "run `plaudit topics apply`, which lowers it to 1" in str(found[0])
    assert apply(admin, [spec]).ok


def test_no_more_replicas_have_to_be_in_sync_than_a_topic_has(settings: KafkaSettings) -> None:
    spec = declared(settings)[0]
    admin = ReticentAdmin(settings)
    assert apply(admin, [spec.with_replicas(1)]).ok
    applied = apply(admin, [spec])
    assert applied.configured == ()
    assert [f.aspect for f in applied.findings] == [Aspect.REPLICATION]


def test_three_replicas_on_one_broker_are_refused_with_advice(settings: KafkaSettings) -> None:
    spec = declared(settings)[0]
    applied = apply(ReticentAdmin(settings), [spec])
    assert not applied.ok
    assert "for a single broker use --single-node" in str(applied.findings[0])
    assert len(applied.findings) == 1


def test_topics_of_a_longer_prefix_are_not_shown(topics: KafkaSettings) -> None:
    prefix = topics.names.deliveries_prefix
    foreign = replace(declared(topics, single_node=True)[0], name=f"{prefix}attempts")
    admin = Admin(topics)
    assert admin.create([foreign]) == {foreign.name: None}
    assert foreign.name not in show(admin, specs_of(topics).values(), prefix)


def test_a_tier_out_of_use_is_listed_as_still_drained(topics: KafkaSettings) -> None:
    fewer = topics.model_copy(update={"retry_schedule": "5s,5m"})
    specs = declared(fewer, single_node=True, partitions=FEW)
    found = check(Admin(fewer), specs, fewer.names.deliveries_prefix)
    assert {f.severity for f in found} == {Severity.NOTE}
    assert len(found) == len(topics.tiers) - 2


def test_the_commands_apply_check_and_show(settings: KafkaSettings, file: Path) -> None:
    plaudit = CommandLine(settings)
    given = ("--single-node", "--file", str(file))
    missing = plaudit("topics", "check", *given)
    assert missing.code == 1
    assert "does not exist" in missing.err
    applied = plaudit("topics", "apply", *given, "--json")
    assert applied.code == 0
    assert set(applied.json[0]["created"]) == {s.name for s in declared(settings)}
    assert plaudit("topics", "check", *given, "--json").json == [{"ok": True, "findings": []}]
    shown = plaudit("topics", "show", *given, "--json").json
    assert {each["actual_partitions"] for each in shown} == {1, 2, 4}
    assert settings.names.attempts in plaudit("topics", "show", *given).out
    # A single broker is recognized.
    assert plaudit("topics", "check", "--file", str(file)).code == 0


def test_an_unusable_declaration_is_refused_in_one_line(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    file = tmp_path / "topics.toml"
    file.write_text('[events]\nretention = "two weeks"\n', encoding="utf-8")
    told = CommandLine(settings)("topics", "check", "--file", str(file))
    assert told.code == 2
    assert "events.retention: 'two weeks' is not of the form 30s, 15m, 12h or 14d" in told.err
    assert told.err.count("\n") == 1


def test_unavailable_brokers_are_reported_in_one_line(
    away: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Admin.__init__, "__defaults__", (1.0,))
    told = CommandLine(away)("topics", "check")
    assert told.code == 1
    assert "the brokers are unavailable" in told.err
    assert "refused" in told.err
    assert told.err.count("\n") == 1
