"""Endpoints in the database and on their way to Kafka: SQLite, and Postgres if there is one."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.endpoints.follower import EndpointsFollower
from plaudit.endpoints.keys import CannotOpen, SecretKeys
from plaudit.endpoints.model import Deleted, Endpoint
from plaudit.endpoints.signing import Signer
from plaudit.endpoints.table import EndpointTable
from plaudit.kafka.errors import SettingsError
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.store.access.idempotency_store import IdempotencyStore, StoredResponse
from plaudit.store.audit.search import AuditQuery, export_entries
from plaudit.store.db.database import SchemaOutdated, connect, open_database, revisions
from plaudit.store.db.migrate import newest
from plaudit.store.db.session_tables import SESSIONS
from plaudit.store.db.tables import METADATA, OUTBOX
from plaudit.store.endpoints.changes import ChangedMeanwhile, NoSuchEndpoint
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.manifest import carry_out, plan, read_file
from plaudit.store.endpoints.relay import EndpointQueue, Relay
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused, Rules
from plaudit.store.endpoints.transitions import changed_endpoint, enabled_endpoint
from plaudit.transport.addresses import AddressPolicy
from store.unreachable import KEYS, OLDER

WORKSPACE = "4ef43862-bc67-438e-9e17-e9d7b9adfc44"
URL = "https://hooks.example.com/plaudit?token=x"
WANTED = EndpointSpec(URL, ("testimonial.approved",), name="crm")


def test_each_change_is_in_the_audit_log_without_encrypted_fields(
    service: EndpointService, engine: Engine
) -> None:
    endpoint_id = service.add(WORKSPACE, WANTED).endpoint.endpoint_id
    service.update(endpoint_id, replace(WANTED, types=("form.completed",)))
    service.rotate_secret(endpoint_id)
    service.disable(endpoint_id, "moved")
    service.remove(endpoint_id)
    entries = list(export_entries(engine, AuditQuery(target=endpoint_id)))
    removed, disabled, rotated, updated, created = entries
    assert (created.action, removed.action) == ("endpoint.created", "endpoint.removed")
    assert updated.after is not None
    assert updated.after["event_types"] == ["form.completed"]
    assert rotated.after is not None
    assert rotated.after["sealed"] == "changed"
    assert disabled.after is not None
    assert disabled.after["status_reason"] == "moved"
    told = json.dumps([each.plain() for each in entries])
    assert "hooks.example.com" not in told
    assert "whsec_" not in told


def test_a_change_is_stored_although_the_brokers_are_away(
    engine: Engine, service: EndpointService
) -> None:
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    producer = Producer(settings, ProducerConfig(delivery_timeout_ms=200))
    relay = Relay(engine, producer, settings.names.endpoints, KEYS)
    rules = Rules(AddressPolicy(), settings.tiers)
    written = EndpointService(engine, KEYS, relay, rules).add(WORKSPACE, WANTED)
    producer.close(0)
    assert written.trouble, "the relay's own words"
    assert service.list() == [written.endpoint]


def test_an_added_endpoint_is_returned_without_its_secret(
    service: EndpointService, engine: Engine
) -> None:
    written = service.add(WORKSPACE, WANTED)
    assert written.trouble, "the brokers are away, and it says so"
    assert written.secret
    found = service.get(written.endpoint.endpoint_id)
    assert service.spec_of(found) == WANTED
    assert found.active_from >= found.created_at + 2_000
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM endpoints")).all()
    stored = repr(rows)
    assert "hooks.example.com" not in stored
    assert written.secret not in stored


def test_a_slack_endpoint_has_the_defaults_of_slack_unless_it_sets_others(
    service: EndpointService,
) -> None:
    asked = EndpointSpec(URL, format="slack")
    made = service.add(WORKSPACE, asked).endpoint
    assert made.rate_limit == 1
    assert "import.completed" in made.event_types
    assert "review.imported" not in made.event_types, "one message for an import, not hundreds"
    assert service.check(asked) == service.spec_of(made), "applied again, nothing changes"
    own = service.add(
        WORKSPACE, replace(asked, types=("review.imported",), rate_limit=0.5)
    ).endpoint
    assert (own.event_types, own.rate_limit) == (("review.imported",), 0.5)


def test_changes_make_new_versions(service: EndpointService) -> None:
    first = service.add(WORKSPACE, WANTED)
    endpoint_id = first.endpoint.endpoint_id
    changed = service.update(endpoint_id, replace(WANTED, types=(), rate_limit=2.5)).endpoint
    assert (changed.version, changed.event_types, changed.rate_limit) == (2, (), 2.5)
    disabled = service.disable(endpoint_id, "too slow").endpoint
    assert (disabled.status, disabled.status_reason) == ("disabled", "too slow")
    renamed = service.disable(endpoint_id, "much too slow").endpoint
    assert (renamed.status_reason, renamed.status_since) == ("much too slow", disabled.status_since)
    written = service.enable(endpoint_id)
    assert written.missed_since == disabled.status_since, "with the hint to send it"
    enabled = written.endpoint
    assert enabled.status == "active"
    assert enabled.active_from > changed.active_from, "what it missed is for replay"
    with pytest.raises(ChangedMeanwhile):
        service.remove(endpoint_id, enabled.version - 1)
    service.remove(endpoint_id, enabled.version)
    with pytest.raises(NoSuchEndpoint):
        service.get(endpoint_id)


def test_a_rotation_keeps_the_old_secret_for_a_while(service: EndpointService) -> None:
    first = service.add(WORKSPACE, WANTED)
    rotated = service.rotate_secret(first.endpoint.endpoint_id, overlap_ms=60_000)
    secrets = service.private(service.get(first.endpoint.endpoint_id)).secrets
    assert [each.text for each in secrets] == [rotated.secret, first.secret]
    now = int(time.time())
    assert len(Signer(secrets).sign("id", now, b"").split()) == 2
    assert len(Signer(secrets).sign("id", now + 61, b"").split()) == 1


def test_a_repeated_rotation_does_not_undo_a_later_one(
    service: EndpointService,
) -> None:
    endpoint_id = service.add(WORKSPACE, WANTED).endpoint.endpoint_id
    idempotency = IdempotencySeed(os.urandom(32), 0)
    first = service.rotate_secret(endpoint_id, idempotency=idempotency)
    later = service.rotate_secret(endpoint_id)
    assert service.rotate_secret(endpoint_id, idempotency=idempotency).secret == first.secret
    assert service.private(service.get(endpoint_id)).secrets[0].text == later.secret


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (EndpointSpec("http://10.0.0.1/"), "url"),
        (EndpointSpec("http://hooks.example.com:99999/"), "url"),
        (EndpointSpec("nonsense"), "url"),
        (EndpointSpec(URL, types=("testimonial.aproved",)), "types"),
        (EndpointSpec(URL, spaces=("here",)), "spaces"),
        (EndpointSpec(URL, headers={"Webhook-Id": "1"}), "headers"),
        (EndpointSpec(URL, headers={"Host": "x"}), "headers"),
        (EndpointSpec(URL, headers={"Traceparent": "00-1-2-00"}), "headers"),
        (EndpointSpec(URL, headers={"a b": "x"}), "headers"),
        (EndpointSpec(URL, headers={"x-a": "1\r\nx-b: 2"}), "headers"),
        (EndpointSpec(URL, rate_limit=0), "rate_limit"),
        (EndpointSpec(URL, rate_limit=float("nan")), "rate_limit"),
        (EndpointSpec(URL, schedule="7s"), "schedule"),
        (EndpointSpec(URL, schedule="soon"), "schedule"),
        (EndpointSpec(URL, format="xml"), "format"),
        (EndpointSpec(URL, secret="hunter2"), "secret"),
        (EndpointSpec(URL, name=""), "name"),
    ],
)
def test_an_impossible_value_is_refused_by_the_name_of_its_field(
    service: EndpointService, wanted: EndpointSpec, field: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        service.add(WORKSPACE, wanted)
    assert refused.value.field == field
    assert "hunter2" not in str(refused.value)
    assert service.list() == []


def test_a_name_is_unique_in_a_workspace(service: EndpointService) -> None:
    service.add(WORKSPACE, WANTED)
    with pytest.raises(InputRefused, match="already the name"):
        service.add(WORKSPACE, WANTED)
    service.add(str(uuid4()), WANTED)


FILE = """\
workspace: {workspace}
endpoints:
  - name: crm
    url: ${{HOOK}}
    types: [testimonial.approved]
  - name: counter
    url: https://counter.example.com/
"""


def test_applying_a_file_converges_and_changes_nothing_the_second_time(
    service: EndpointService, tmp_path: Path
) -> None:
    path = tmp_path / "endpoints.yaml"
    path.write_text(FILE.format(workspace=WORKSPACE))
    environment = {"HOOK": URL}

    def apply(*, prune: bool = False) -> list[str]:
        desired = read_file(path, ["HOOK"], environment)
        steps = plan(service, desired, prune=prune)
        carry_out(service, steps)
        return [f"{step.action} {step.name}" for step in steps]

    assert apply() == ["create crm", "create counter"]
    assert apply() == ["keep crm", "keep counter"]
    environment["HOOK"] = URL + "&more"
    assert apply() == ["update crm", "keep counter"]
    path.write_text(FILE.format(workspace=WORKSPACE).partition("  - name: counter")[0])
    assert apply() == ["keep crm"]
    assert apply(prune=True) == ["keep crm", "remove counter"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workspace: [", "endpoints.yaml"),
        ("endpoints: []", "workspace"),
        ("workspace: here\nendpoints: []", "not a UUID"),
        (FILE.format(workspace=WORKSPACE), r"\$\{HOOK\} is not in the environment"),
        ("workspace: ${PLAUDIT_SECRET_KEY}", "is not allowed; call it PLAUDIT_VAR_"),
        ("workspace: ${HOME}", "is not allowed; allow it with --env HOME"),
        ("workspace: ${PLAUDIT_VAR_A}", "PLAUDIT_VAR_A} is not in the environment"),
        (f"workspace: {WORKSPACE}\nendpoints: [{{name: a, uri: x}}]", r"endpoints\[0\]"),
        (f"workspace: {WORKSPACE}\nendpoints: [{{name: a, url: x}}, {{name: a, url: y}}]", "two"),
    ],
)
def test_an_invalid_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "endpoints.yaml"
    path.write_text(text)
    with pytest.raises(InputRefused, match=said):
        read_file(path, ["HOOK"], {})


@pytest.mark.parametrize("name", ["PLAUDIT_SECRET_KEY", "PLAUDIT_KAFKA_SASL_PASSWORD", "KAFKA_X"])
def test_plaudits_own_settings_can_not_be_named_for_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "endpoints.yaml"
    path.write_text(f"workspace: ${{{name}}}")
    with pytest.raises(InputRefused, match="setting of Plaudit"):
        read_file(path, [name], {name: "secret"})


@pytest.mark.broker
def test_a_change_that_brokers_missed_is_written_by_the_next_relay(
    engine: Engine, service: EndpointService, topics: KafkaSettings
) -> None:
    written = service.add(WORKSPACE, WANTED)
    gone = service.add(WORKSPACE, replace(WANTED, name="gone"))
    service.remove(gone.endpoint.endpoint_id)
    table = EndpointTable(KEYS)
    follower = EndpointsFollower(topics, table)
    with Producer(topics) as producer:
        relay = Relay(engine, producer, topics.names.endpoints, KEYS)
        assert relay.run() == 3
        assert relay.run() == 0, "told once"
    follower.start()
    assert follower.wait_ready(30)
    follower.close()
    found = table.find(written.endpoint.endpoint_id)
    assert isinstance(found, Endpoint)
    assert table.unbound == 0, "what is announced is sealed as a whole"
    assert found.active_from_ms >= written.endpoint.active_from
    assert found.active_from_ms > int(time.time() * 1_000) - 30_000, "not from before it was known"
    assert table.find(gone.endpoint.endpoint_id) == Deleted(gone.endpoint.endpoint_id)
    with engine.connect() as connection:
        assert connection.execute(sa.select(OUTBOX)).all() == []


@pytest.mark.broker
def test_after_resealing_the_older_key_is_unnecessary(
    engine: Engine, service: EndpointService, topics: KafkaSettings
) -> None:
    written = service.add(WORKSPACE, WANTED)
    newer = os.urandom(32)
    answers = IdempotencyStore(engine, KEYS)
    answers.begin("a", "one")
    answers.keep("a", StoredResponse(201, b"shown once"))
    alone = SecretKeys([newer])
    rules = Rules(AddressPolicy(), topics.tiers)
    with Producer(topics) as producer:
        relay = Relay(engine, producer, topics.names.endpoints, KEYS)
        with pytest.raises(CannotOpen):
            EndpointService(engine, alone, relay, rules).reseal()
        both = EndpointService(engine, SecretKeys([newer, OLDER]), relay, rules)
        assert (both.reseal(), both.reseal()) == (1, 0)
        found = EndpointService(engine, alone, relay, rules).get(written.endpoint.endpoint_id)
        assert found.version == written.endpoint.version, "nobody's ETag changes"
    assert IdempotencyStore(engine, alone).begin("a", "one") == StoredResponse(201, b"shown once")
    table = EndpointTable(alone)
    follower = EndpointsFollower(topics, table)
    follower.start()
    assert follower.wait_ready(30)
    follower.close()
    opened = table.find(found.endpoint_id)
    assert isinstance(opened, Endpoint), "deliverers open it, too"


@pytest.mark.broker
def test_one_relay_at_a_time(
    engine: Engine, service: EndpointService, topics: KafkaSettings
) -> None:
    service.add(WORKSPACE, WANTED)
    with Producer(topics) as producer:
        first = EndpointQueue(engine, topics.names.endpoints, KEYS)
        second = Relay(engine, producer, topics.names.endpoints, KEYS)
        assert first.acquire(), "as if it had stopped in the middle"
        assert second.run() == 0
        first.release()
        assert second.run() == 1


def test_a_database_of_another_release_is_refused_with_the_remedy(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'plaudit.db'}"
    engine = open_database(url)
    assert revisions(engine)[0] == revisions(engine)[1] == newest()
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    engine.dispose()
    with pytest.raises(SchemaOutdated, match="plaudit db migrate"):
        open_database(url)


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite+nothing:///x"])
def test_an_invalid_url_is_refused_by_the_name_of_its_variable(url: str) -> None:
    with pytest.raises(SettingsError, match="PLAUDIT_DATABASE_URL"):
        connect(url)


def test_the_tables_are_those_of_the_newest_migration(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'plaudit.db'}")
    found = sa.inspect(engine)
    assert SESSIONS.name in METADATA.tables
    for table in METADATA.tables.values():
        columns = {column["name"] for column in found.get_columns(table.name)}
        assert columns == set(table.columns.keys()), table.name
    engine.dispose()


def test_an_enabled_endpoint_keeps_its_earlier_service_periods(
    service: EndpointService,
) -> None:
    """An event that was published then and is read only now is still for it."""
    made = service.add(WORKSPACE, WANTED).endpoint
    day_ms, start_ms = 24 * 3_600_000, made.active_from
    each = made
    for day in range(20):
        disabled = replace(
            each,
            status="disabled",
            active_from=start_ms + day * day_ms,
            status_since=start_ms + day * day_ms + 5,
        )
        each = enabled_endpoint(KEYS, disabled, start_ms + day * day_ms + 10)
    earlier = service.private(each).earlier
    assert earlier[-1] == (start_ms + 19 * day_ms, start_ms + 19 * day_ms + 5)
    assert len(earlier) == 14, "as long as events are kept"
    assert service.disabled_since(each) == earlier[-1][1]
    changed = changed_endpoint(KEYS, each, service.check(replace(WANTED, types=())))
    assert service.private(changed).earlier == earlier
    at_once = replace(made, status="disabled", status_since=made.active_from - 1)
    assert service.private(enabled_endpoint(KEYS, at_once, start_ms)).earlier == ()
