"""Each role works with exactly the rights that it is given, and is refused what it must not do."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Final
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition

from e2e.rig import PLAUDIT, Rig
from e2e.sink import Sink, good
from lab.guarded import GuardedKafka
from lab.stage import Place
from plaudit.kafka.admin.roles import Role, commands
from plaudit.kafka.errors import NotAuthorized
from plaudit.kafka.permissions import needs
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.records.names import Names
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.timeout(240)]

FORBIDDEN: Final = {
    Role.PRODUCER: ("endpoints", "schemas", "attempts", "deliveries.now", "dlq.deliveries"),
    Role.RELAY: ("endpoints", "schemas", "attempts", "deliveries.now", "dlq.deliveries"),
    Role.DELIVER: ("endpoints", "schemas", "testimonials"),
    Role.RECORD: ("testimonials", "schemas", "attempts", "deliveries.now", "dlq.deliveries"),
    Role.SERVE: ("schemas", "attempts", "deliveries.1s", "dlq.deliveries"),
    Role.DLQ: ("endpoints", "schemas", "attempts", "deliveries.1s"),
}


Done = subprocess.CompletedProcess[str]


def plaudit(*arguments: str, text: str = "", **environment: str) -> Done:
    return subprocess.run(
        [PLAUDIT, *arguments],
        env={**os.environ, **environment},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def user(kafka: GuardedKafka, settings: KafkaSettings, role: Role) -> dict[str, str]:
    admitted = kafka.admit_role(role, settings.names)
    return {**admitted, "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix}


@pytest.mark.parametrize(
    "role",
    [
        # One of each kind in every run; the rest at night.
        each if each is Role.PRODUCER else pytest.param(each, marks=pytest.mark.nightly)
        for each in FORBIDDEN
    ],
)
def test_a_role_has_the_permissions_it_needs_and_no_others(
    guarded_kafka: GuardedKafka,
    guarded_place: Place,
    role: Role,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = guarded_place.settings
    environment = user(guarded_kafka, settings, role)
    tiers = {"PLAUDIT_RETRY_SCHEDULE": settings.retry_schedule or ""}
    checked = plaudit("topics", "check", "--role", role, "--json", **environment, **tiers)
    assert checked.returncode == 0, (checked.stdout, checked.stderr)
    assert json.loads(checked.stdout) == {"ok": True, "findings": []}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with Producer(KafkaSettings()) as producer:
        refused = [
            producer.publish(settings.topic_prefix + name, b"forged", b"key")
            for name in FORBIDDEN[role]
        ]
        for each in refused:
            with pytest.raises(NotAuthorized):
                each.result(30)


@pytest.mark.nightly
def test_the_whole_pipeline_runs_with_a_user_for_each_role(
    guarded_kafka: GuardedKafka, guarded_place: Place
) -> None:
    settings = guarded_place.settings
    users = {role: user(guarded_kafka, settings, role) for role in Role}
    with Sink() as sink, Rig(settings, guarded_place.folder) as rig:
        common = rig.environment

        def run(role: Role, *words: str, text: str = "") -> str:
            done = plaudit(*words, text=text, **{**common, **users[role]})
            assert done.returncode == 0, (role, words, done.stderr)
            return done.stdout

        run(Role.OPERATOR, "schemas", "register")
        run(Role.SERVE, "endpoints", "add", sink.on("good", good), "--workspace", rig.workspace)
        worker = rig.process("deliver", **users[Role.DELIVER])
        recorder = rig.process("record", **users[Role.RECORD])
        # What is published before the endpoint is served is not for it.
        for _ in range(10):
            written = rig.event().model_dump_json() + "\n"
            run(Role.PRODUCER, "publish", "testimonial.approved", "-", text=written)
            if sink.wait_until(lambda: bool(sink.ids("good")), PROMPTLY_S / 10):
                break
        assert sink.ids("good"), rig.log(0).read_text()
        run(Role.DLQ, "status")
        run(Role.DLQ, "dlq", "redrive", "--yes")
        assert rig.stop(worker) == 0
        assert rig.stop(recorder) == 0
        assert run(Role.SERVE, "deliveries", "list", "--json"), rig.log(1).read_text()
        for number in range(2):
            assert "not allowed" not in rig.log(number).read_text()


def test_a_user_with_a_right_too_many_or_too_few_is_found(
    guarded_kafka: GuardedKafka, guarded_place: Place
) -> None:
    settings = guarded_place.settings
    environment = user(guarded_kafka, settings, Role.SERVE)
    tiers = {"PLAUDIT_RETRY_SCHEDULE": settings.retry_schedule or ""}
    checked = plaudit("topics", "check", "--role", "producer", **environment, **tiers)
    assert checked.returncode == 1
    assert f"{settings.names.endpoints}: may write, which role producer must not" in checked.stderr
    checked = plaudit("topics", "check", "--role", "record", **environment, **tiers)
    assert f"{settings.names.attempts}: may not read, which role record needs" in checked.stderr


def test_rights_on_groups_and_transactional_ids_are_compared_too(
    guarded_kafka: GuardedKafka, guarded_place: Place
) -> None:
    settings = guarded_place.settings
    names = settings.names
    tiers = {"PLAUDIT_RETRY_SCHEDULE": settings.retry_schedule or ""}
    replay = f"{names.replay_prefix}{uuid4()}"
    for group in (names.events_group, replay):
        use_group(guarded_kafka.bootstrap, group, names.event_topics[0])
    sending_again = {**user(guarded_kafka, settings, Role.DLQ), **tiers}
    checked = plaudit("topics", "check", "--role", "deliver", **sending_again)
    assert f"group {replay}: may read, which role deliver must not" in checked.stderr
    checked = plaudit("topics", "check", "--role", "dlq", **sending_again)
    assert checked.returncode == 0, checked.stderr
    producer = {**user(guarded_kafka, settings, Role.PRODUCER), **tiers}
    deliver = {**user(guarded_kafka, settings, Role.DELIVER), **tiers}
    checked = plaudit("topics", "check", "--role", "producer", **deliver)
    may_read = f"group {names.events_group}: may read, which role producer must not"
    assert may_read in checked.stderr
    publishing = f"transactional id {settings.topic_prefix}publish.*: may not write"
    assert f"{publishing}, which role producer needs" in checked.stderr
    checked = plaudit("topics", "check", "--role", "deliver", **producer)
    assert f"group {names.events_group}: may not read, which role deliver needs" in checked.stderr
    publishing = f"transactional id {settings.topic_prefix}publish.*: may write"
    assert f"{publishing}, which role deliver must not" in checked.stderr
    checked = plaudit("topics", "check", "--role", "deliver", **deliver)
    assert checked.returncode == 0, checked.stderr


def use_group(bootstrap: str, group: str, topic: str) -> None:
    """Let the brokers know a group: one that was never used has no rights to look at."""
    config = {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False}
    consumer = Consumer(config)
    consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    consumer.close()


def test_only_those_who_manage_endpoints_may_write_their_records() -> None:
    names = Names(f"t{uuid4().hex}.")
    may = {role for role in Role if "write" in needs(role, names, names.endpoints)}
    assert may == {Role.RECORD, Role.SERVE}
    assert "all" in needs(Role.OPERATOR, names, names.endpoints)


def test_the_commands_name_the_user_the_pattern_and_every_operation() -> None:
    lines = list(commands(Role.DELIVER, Names("plaudit."), "User:plaudit deliver", "broker:9092"))
    assert (
        "kafka-acls --bootstrap-server broker:9092 --add --allow-principal 'User:plaudit deliver' "
        "--operation Read --operation Write --topic plaudit.deliveries. "
        "--resource-pattern-type prefixed"
    ) in lines
    assert any("--operation DescribeConfigs" in line for line in lines)
