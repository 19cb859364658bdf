"""Events of a time range reach one endpoint again: each once by the job, whatever is killed."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from command import CommandLine
from conftest import delete_before
from databases import new_sqlite
from dlq.conftest import announce, disable, sent
from dlq.generate import ENDPOINTS, WORKSPACE
from dlq.rig import QUICKLY_S, SOON_S, end_of, start_command
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.models.event import EventModel
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.headers import Headers, headers_of
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Producer
from plaudit.publish.prepare import prepare
from plaudit.records.delivery_id import delivery_id
from plaudit.records.names import Header
from waiting import until

pytestmark = pytest.mark.broker

ME = ENDPOINTS[0]


def event(
    name: str = "testimonial.approved", workspace: str = WORKSPACE, space: uuid.UUID | None = None
) -> EventModel:
    """Return an event with an id of its own."""
    made = example(name)
    changed = {"event_id": uuid.uuid4(), "workspace_id": uuid.UUID(workspace)}
    if space is not None:
        changed["space_id"] = space
    return made.model_copy(update={"meta": made.meta.model_copy(update=changed)})


def publish(
    settings: KafkaSettings, events: Iterable[EventModel], topic: str = "testimonials"
) -> list[Ack]:
    """Append events; return where they stand."""
    with Producer(settings) as producer:
        futures = [
            producer.publish(
                settings.topic_prefix + topic,
                encode(each),
                b"key",
                prepare(each, settings.names, "/tests").headers,
            )
            for each in events
        ]
        return [each.result(30) for each in futures]


def ids(events: Iterable[EventModel]) -> set[bytes]:
    """Return the ids of their deliveries to the endpoint."""
    return {delivery_id(str(each.meta.event_id), ME).encode() for each in events}


def first_headers(settings: KafkaSettings) -> Headers:
    """Return the headers of one delivery that was written."""
    with BoundedReader(settings, f"{settings.topic_prefix}test") as reader:
        messages = reader.read(reader.spans(settings.names.deliveries_now))
        return headers_of(next(messages))


def test_events_of_a_range_are_sent_to_the_endpoint_that_wants_them(
    installation: KafkaSettings,
) -> None:
    space = uuid.uuid4()
    announce(
        installation,
        ME,
        event_types=["testimonial.approved", "testimonial.published"],
        spaces=[str(space)],
        version=2,
    )
    early = event(space=space)
    publish(installation, [early])
    wanted = [event(space=space), event("testimonial.published", space=space)]
    erased = event("customer.erased")
    others = [
        event(),
        event("testimonial.rejected", space=space),
        event(workspace=ENDPOINTS[1], space=space),
    ]
    acks = publish(installation, [*wanted, *others])
    publish(installation, [erased], "customers")
    since = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(acks[0].timestamp_ms / 1_000))}"
    exact = f"{since}.{acks[0].timestamp_ms % 1_000:03}Z"
    plaudit = CommandLine(installation)
    looked = plaudit("replay", ME, "--since", exact)
    assert (looked.code, sent(installation).total()) == (1, 0), looked.err
    assert "3 of 6 events" in looked.err
    done = plaudit("replay", ME, "--since", exact, "--yes")
    assert done.code == 0, done.err
    assert sent(installation) == dict.fromkeys(ids([*wanted, erased]), 1)
    headers = dict(first_headers(installation))
    assert headers[Header.TRIGGER] == b"replay"
    assert headers[Header.ENDPOINT_VERSION] == b"2"
    assert headers[Header.ATTEMPT] == b"0"
    assert {"ce_id", "ce_type", Header.ORIGIN_OFFSET} <= set(headers)
    narrowed = plaudit("replay", ME, "--since", exact, "--type", "testimonial.published", "--yes")
    assert narrowed.code == 0, narrowed.err
    assert sent(installation).total() == 4
    refused = plaudit("replay", ME, "--since", exact, "--type", "form.completed", "--yes")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "does not subscribe to form.completed" in refused.err


def test_records_that_can_not_be_read_are_counted_and_the_rest_is_sent(
    installation: KafkaSettings,
) -> None:
    announce(installation, ME)
    topic, key = f"{installation.topic_prefix}testimonials", b"key"
    wanted = [event(), event()]
    publish(installation, wanted[:1])
    strays = [b"\xc3\x01unheard!more"] * 3 + [b"\x00\x00\x00\x00\x15hello", b"garbage"]
    with Producer(installation) as producer:
        for value in strays:
            producer.publish(topic, value, key).result(30)
    publish(installation, wanted[1:])
    done = CommandLine(installation)("replay", ME, "--since", "1h", "--yes")
    assert done.code == 0, done.err
    assert sent(installation) == dict.fromkeys(ids(wanted), 1)
    assert "3 can't be read, their schema is unknown" in done.err
    assert "2 can't be read as events" in done.err


def test_a_killed_replay_continues_and_sends_each_event_once(
    installation: KafkaSettings,
) -> None:
    events = [event() for _ in range(2_000)]
    publish(installation, events)
    arguments = ["replay", ME, "--since", "1h", "--yes", "--lag-cap", "0"]
    for _ in range(2):
        before = end_of(installation)
        job = start_command(installation, *arguments, "--rate", "1000")
        until(lambda: end_of(installation) > before + 100, every_s=QUICKLY_S)  # noqa: B023 - called at once
        job.kill()
        job.communicate()
        assert sent(installation).total() < 2_000
    last = start_command(installation, *arguments)
    _, said = last.communicate(timeout=SOON_S)
    assert last.returncode == 0, said
    assert sent(installation) == dict.fromkeys(ids(events), 1)


def test_another_replay_does_not_forget_one_that_is_unfinished(installation: KafkaSettings) -> None:
    publish(installation, [event() for _ in range(20)])
    plaudit = CommandLine(installation)
    assert plaudit("replay", ME, "--since", "1h", "--max", "5", "--yes").code == 0
    refused = plaudit("replay", ME, "--since", "2h", "--yes")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "15 records left" in refused.err
    assert plaudit("replay", ME, "--since", "1h", "--yes").code == 0
    assert sent(installation).total() == 20
    since = "2020-01-01T00:00:00Z"
    assert plaudit("replay", ME, "--since", since, "--yes").code == 0
    done = plaudit("replay", ME, "--since", since, "--yes")
    assert (done.code, sent(installation).total()) == (2, 40)
    assert "--again" in done.err
    assert plaudit("replay", ME, "--since", since, "--yes", "--again").code == 0
    assert sent(installation).total() == 60


def test_since_disabled_covers_the_missed_events(installation: KafkaSettings) -> None:
    publish(installation, [event()])
    [before] = publish(installation, [event()])
    missed = [event(), event()]
    acks = publish(installation, missed)
    since, end = before.timestamp_ms + 1, acks[-1].timestamp_ms + 1
    until(lambda: time.time() * 1_000 > end + 1, every_s=QUICKLY_S)
    publish(installation, [event()])
    plaudit = CommandLine(installation)
    disable(installation, ME, since)
    refused = plaudit("replay", ME, "--since", "disabled", "--yes")
    assert refused.code == 2
    assert "enable" in refused.err
    announce(installation, ME, version=3, active_from=end)
    done = plaudit("replay", ME, "--since", "disabled", "--yes")
    assert done.code == 0, done.err
    assert sent(installation) == dict.fromkeys(ids(missed), 1)


def test_since_disabled_is_refused_for_an_endpoint_that_was_never_disabled(
    installation: KafkaSettings,
) -> None:
    told = CommandLine(installation)("replay", ME, "--since", "disabled", "--yes")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert f"{ME} was never disabled; use a time" in told.err


def test_since_disabled_explains_a_time_that_compaction_removed(
    installation: KafkaSettings,
) -> None:
    announce(installation, ME, version=3, status_since=1_764_000_000_000)
    told = CommandLine(installation)("replay", ME, "--since", "disabled", "--yes")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "was enabled again at 2025-11-24T16:00:00" in told.err
    assert "does not say any more when it was disabled; use a time" in told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mine", "--since", "1h"], "endpoint 'mine'"),
        ([ME, "--since", "soon"], "--since"),
        ([ME, "--since", "1h", "--until", "2h"], "--until"),
        ([ME, "--since", "1h", "--until", "2999-01-01"], "is in the future"),
        ([ME, "--since", "1h", "--type", "testimonial.aproved"], "testimonial.approved"),
        (["99999999-9999-4999-8999-999999999999", "--since", "1h"], "no endpoint"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    installation: KafkaSettings, arguments: list[str], said: str, tmp_path: Path
) -> None:
    told = CommandLine(installation)("replay", *arguments)
    assert (told.code, told.err.count("\n")) == (2, 1), told.err
    assert said in told.err
    assert not list(tmp_path.iterdir())


def remove(settings: KafkaSettings, ack: Ack) -> None:
    """Remove what was appended before a record, as retention does."""
    delete_before(settings, Partition(ack.topic, ack.partition), ack.offset)


def test_records_that_retention_removed_from_a_range_are_counted_and_reported(
    installation: KafkaSettings, tmp_path: Path
) -> None:
    acks = publish(installation, [event() for _ in range(30)])
    plaudit, report = CommandLine(installation), tmp_path / "report.json"
    assert plaudit("replay", ME, "--since", "1h", "--max", "5", "--yes").code == 0
    assert sent(installation).total() == 5
    remove(installation, acks[20])  # while that replay is unfinished
    done = plaudit("replay", ME, "--since", "1h", "--yes", "--report", str(report))
    assert (done.code, sent(installation).total()) == (0, 15), done.err
    assert (
        "retention has removed up to 15 records of this range; it is complete from 20" in done.err
    )
    [run] = json.loads(report.read_text())["runs"]
    assert (run["removed_by_retention_at_most"], run["moved"]) == (15, 10)
    fresh = plaudit("replay", ME, "--since", "2h")
    assert "10 of 10 events" in fresh.err
    assert "retention has removed up to 20 records" in fresh.err


def test_a_range_that_retention_removed_is_reported(installation: KafkaSettings) -> None:
    acks = publish(installation, [event() for _ in range(3)])
    remove(installation, acks[-1]._replace(offset=acks[-1].offset + 1))
    done = CommandLine(installation)("replay", ME, "--since", "1h", "--yes")
    assert done.code == 0, done.err
    assert "removed up to 3 records of this range; it is empty now" in done.err


def test_progress_from_another_cluster_is_refused_and_forgotten_on_demand(
    installation: KafkaSettings,
) -> None:
    announce(installation, ME)
    [ack] = publish(installation, [event()])
    said = {"replay": "0", "first": 0, "end": 99, "cluster": "another"}
    client = Consumer(
        {
            "bootstrap.servers": installation.bootstrap_servers,
            "group.id": f"{installation.names.prefix}replay.{ME}",
            "enable.auto.commit": False,
        }
    )
    place = TopicPartition(ack.topic, ack.partition, 1, metadata=json.dumps(said))
    client.commit(offsets=[place], asynchronous=False)
    client.close()
    plaudit = CommandLine(installation)
    refused = plaudit("replay", ME, "--since", "1h", "--yes")
    assert refused.code == 2
    assert "another Kafka cluster" in refused.err
    assert sent(installation).total() == 0
    done = plaudit("replay", ME, "--since", "1h", "--again", "--yes")
    assert done.code == 0, done.err
    assert sent(installation).total() == 1


def test_replays_and_rewinds_are_in_the_audit_log(
    installation: KafkaSettings, tmp_path: Path
) -> None:
    [ack] = publish(installation, [event()])
    group = {"bootstrap.servers": installation.bootstrap_servers}
    worker = Consumer({**group, "group.id": installation.names.events_group})
    worker.commit(
        offsets=[TopicPartition(ack.topic, ack.partition, ack.offset + 1)], asynchronous=False
    )
    worker.close()
    url = f"sqlite:///{tmp_path / 'plaudit.db'}"
    new_sqlite(tmp_path / "plaudit.db").dispose()
    plaudit = CommandLine(
        installation, {"PLAUDIT_DATABASE_URL": url, "PLAUDIT_RETRY_SCHEDULE": "5s"}
    )
    assert plaudit("replay", ME, "--since", "1h", "--dry-run").code == 0
    assert plaudit("replay", ME, "--since", "1h", "--yes").code == 0
    assert plaudit("records", "rewind", "--since", "1h", "--yes").code == 0
    rewound, replayed = plaudit("audit", "list", "--json").json
    assert (replayed["action"], replayed["target"]) == ("events.replayed", ME)
    assert replayed["after"] == {"command": f"replay {ME} --since 1h --yes"}
    assert (rewound["action"], rewound["target"]) == (
        "positions.rewound",
        installation.topic_prefix,
    )
