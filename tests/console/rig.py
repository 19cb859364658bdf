"""A serving installation without Kafka: SQLite, real services, stand-ins for the brokers."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import httpx
from fastapi import FastAPI

from api.conftest import served
from databases import new_sqlite
from plaudit.api.app import create_app
from plaudit.api.dependencies import ApiServices
from plaudit.api.event_writer import EventWriter
from plaudit.api.quotas import Quotas
from plaudit.api.rate_limits import RateLimits
from plaudit.api.settings import ApiSettings
from plaudit.api.test_sends import SharedSender
from plaudit.console.app import mount
from plaudit.console.oidc.client_settings import OidcSettings
from plaudit.console.settings import ConsoleSettings
from plaudit.control.dead_letters import DeadLetters
from plaudit.control.event_origin import EventSource
from plaudit.control.letter_index import order_of
from plaudit.control.recent_events import RecentEvent, RecentEvents
from plaudit.control.retry import Retrier
from plaudit.control.scaling import ScalingView
from plaudit.control.status import Status, TopicStatus
from plaudit.deliver.settings import HttpSettings
from plaudit.dlq.job.export import line_of
from plaudit.dlq.letters.filters import LetterFilter
from plaudit.dlq.letters.letter import Kind, Letter
from plaudit.endpoints.keys import SecretKeys
from plaudit.kafka.admin.members import GroupMember
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.read.record_reader import RecordReader, StoredRecord
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Producer
from plaudit.records.attempt import AttemptRecord, decode_attempt, encode_attempt
from plaudit.store.access.api_keys import KeyService, Scope
from plaudit.store.access.idempotency_store import IdempotencyStore
from plaudit.store.db.database import open_database
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import EndpointSpec, Rules
from plaudit.store.endpoints.workspaces import WorkspaceService
from plaudit.store.jobs.job_model import JobProgress, JobState
from plaudit.store.jobs.job_service import JobService
from plaudit.store.jobs.queue import JobQueue
from plaudit.store.log.health import apply_sums, sum_rows
from plaudit.store.log.payloads import PayloadStore
from plaudit.store.log.writer import AttemptRows, insert_new
from plaudit.transport.addresses import AddressPolicy

CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


class Silent:
    """A relay that has nothing to tell, and whose brokers have heard of everything."""

    def announce(self, _number: int, _seconds: float) -> str | None:
        return None

    def run(self, _told: Callable[[int], None] | None = None) -> int:
        return 0


class Records:
    """Records by their place, as a reader of single records finds them."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int, int], StoredRecord] = {}

    def read(self, topic: str, partition: int, offset: int) -> StoredRecord | None:
        return self.known.get((topic, partition, offset))


class KeptLetters(DeadLetters):
    """Dead letters in memory; finds and counts them as those of the topics."""

    def __init__(self) -> None:
        self.known: dict[Kind, list[Letter]] = {kind: [] for kind in Kind}

    def add(self, letter: Letter, kind: Kind = Kind.DELIVERIES) -> None:
        """Add a letter."""
        self.known[kind].append(letter)

    def letters(self, kind: Kind) -> tuple[Sequence[Letter], bool]:
        return sorted(self.known[kind], key=order_of, reverse=True), False

    def read_full(self, _: Kind, known: Letter) -> Letter | None:
        return known

    def export(self, kind: Kind, wanted: LetterFilter) -> Iterator[str]:
        yield from (line_of(each, kind) + "\n" for each in self.known[kind] if wanted.takes(each))

    def close(self) -> None:
        """Close nothing."""


class KeptEvents(RecentEvents):
    """Latest events in memory."""

    def __init__(self) -> None:
        self.known: dict[str, list[RecentEvent]] = {}

    def look(self, workspace_id: str) -> Sequence[RecentEvent]:
        return self.known.get(workspace_id, [])


class Sent:
    """A producer that keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []
        self.fatal = None

    def send(self, *record: Any, on_ack: Callable[[Any], None] | None = None, **more: Any) -> None:
        del more, on_ack
        self.records.append(record)

    def publish(self, *record: Any) -> Future[Ack]:
        self.records.append(record)
        done: Future[Ack] = Future()
        done.set_result(Ack(record[0], 0, 0, 0))
        return done

    def flush(self, _seconds: float = 0) -> int:
        return 0


def small_lag(settings: KafkaSettings, _now_ms: int) -> Status:
    """Return a status with a small lag; a real look at absent brokers takes 12 s to fail."""
    names, worker = settings.names, GroupMember("deliver-1:17", "10.0.0.7", 24)
    topics = [
        TopicStatus("events", names.event_topics[0], 12, 340),
        TopicStatus("deliveries", names.deliveries_now, 3, 120),
        TopicStatus("deliveries", f"{names.deliveries_prefix}5m", 41, -140_000),
    ]
    workers = {"events": [worker], "deliveries": [worker]}
    return Status(settings.bootstrap_servers, [], topics, [], workers)


@dataclass
class Rig:
    """An installation, as tests and screenshots use it.

    Attributes:
        base: where it is served.
        workspace: whose endpoints `add` makes.
        records: what Kafka would have.
        keys: text of the API keys, by scope.
    """

    app: FastAPI
    base: str
    services: ApiServices
    workspace: str
    other: str
    records: Records
    letters: KeptLetters = field(default_factory=KeptLetters)
    recent: KeptEvents = field(default_factory=KeptEvents)
    keys: dict[str, str] = field(default_factory=dict)
    clients: list[httpx.Client] = field(default_factory=list)

    def add(self, name: str, workspace: str | None = None, **given: Any) -> str:
        """Register an endpoint; return its id."""
        spec = EndpointSpec(
            given.pop("url", f"https://{name}.example.com/hooks"), name=name, **given
        )
        return self.services.endpoints.add(workspace or self.workspace, spec).endpoint.endpoint_id

    def log(self, *attempts: AttemptRecord) -> None:
        """Write attempts as the recorder does."""
        rows = AttemptRows("sqlite")
        made = [rows.row(decode_attempt(encode_attempt(each))) for each in attempts]
        with self.services.engine.begin() as connection:
            apply_sums(connection, sum_rows(insert_new(connection, made)))

    def finish(self, chosen: int, **report: Any) -> None:
        """Run every queued job, as a runner that finds this many records."""
        queue = JobQueue(self.services.engine, "runner")
        while (job := queue.claim()) is not None:
            queue.keep(job, JobProgress(chosen, 0 if job.dry_run else chosen))
            queue.conclude(job, JobState.DONE, {"chosen": chosen, **report}, None)

    def browser(self, key: str | None = "admin", **given: Any) -> Browser:
        """Return a browser; it is signed in with a key, unless that is None."""
        client = httpx.Client(base_url=self.base, timeout=30, **given)
        self.clients.append(client)
        browser = Browser(client)
        if key is not None:
            signed = browser.client.post("/console/sign-in", data={"key": self.keys[key]})
            assert signed.status_code == 303, signed.text
        return browser


class Browser:
    """A browser without scripts: cookies, links and forms."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, url: str, status: int = 200, **given: Any) -> str:
        """Return a page."""
        found = self.client.get(url, **given)
        assert found.status_code == status, f"{found.status_code} {found.text[:2000]}"
        return found.text

    def post(self, page: str, to: str | None = None, /, **fields: Any) -> httpx.Response:
        """Send a form of a page, with the token that the page has."""
        return self.client.post(to or page, data={"csrf": self.token(page), **fields})

    def token(self, page: str) -> str:
        """Return the token of a page's forms."""
        found = CSRF.search(self.get(page))
        assert found is not None
        return found[1]


@contextmanager
def rig(
    folder: Path,
    quotas: ApiSettings | None = None,
    *,
    oidc: OidcSettings | None = None,
    database: str | None = None,
    port: int = 0,
    secret: bytes | None = None,
    **settings: Any,
) -> Iterator[Rig]:
    """Open an installation with a key of each kind."""
    engine = open_database(database) if database else new_sqlite(folder / "plaudit.db")
    secrets = SecretKeys([secret or os.urandom(32)])
    known = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    http = HttpSettings.model_validate({"allow_networks": "127.0.0.0/8"})
    records, letters, recent = Records(), KeptLetters(), KeptEvents()
    sent = cast("Producer", Sent())
    rules = Rules(AddressPolicy((ip_network("127.0.0.0/8"),)), known.tiers)
    reader, decoder = cast("RecordReader", records), LateDecoder(known)
    services = ApiServices(
        engine=engine,
        endpoints=EndpointService(engine, secrets, cast("Relay", Silent()), rules),
        keys=KeyService(engine),
        workspaces=WorkspaceService(engine),
        answers=IdempotencyStore(engine, secrets),
        secrets=secrets,
        sender=SharedSender(http),
        reader=reader,
        jobs=JobService(engine),
        brokers=cast("Admin", None),
        retrier=Retrier(
            engine, known, EventSource(reader, decoder, PayloadStore(engine, secrets)), sent
        ),
        limits=RateLimits(0),
        events_limits=RateLimits(0),
        quotas=Quotas.of(engine, quotas or ApiSettings()),
        names=known.names,
        producer=sent,
        outlet=cast("EventWriter", None),
        schema_id=lambda _: None,
        letters=letters,
        scaling=cast("ScalingView", None),
        recent=recent,
        decoder=decoder,
    )
    app = create_app(services)
    console = ConsoleSettings(**settings)
    mount(app, services, console, known, (oidc or OidcSettings()).client(console.console_url))
    made = Rig(app, "", services, str(uuid.uuid4()), str(uuid.uuid4()), records, letters, recent)
    for name, scope, of in (
        ("admin", Scope.ADMIN, None),
        ("write", Scope.WORKSPACE, made.workspace),
        ("read", Scope.READ, made.workspace),
        ("stranger", Scope.WORKSPACE, made.other),
    ):
        made.keys[name] = services.keys.create(scope, of, f"{name}'s key")[1]
    with (
        patch("plaudit.console.pages.overview.read_status", small_lag),
        served(app, port) as made.base,
    ):
        yield made
        for client in made.clients:
            client.close()
    engine.dispose()
