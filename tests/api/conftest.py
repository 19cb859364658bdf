"""A serving installation: a real broker, SQLite, and a client."""

from __future__ import annotations

import base64
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from databases import new_sqlite
from e2e.sink import Sink
from plaudit.api.app import create_app
from plaudit.api.dependencies import ApiServices, opened
from plaudit.api.server import make_server
from plaudit.api.settings import ApiSettings
from plaudit.deliver.settings import DeliverSettings, HttpSettings, SealSettings
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.access.api_keys import Scope


@dataclass(frozen=True)
class Installation:
    """An installation, as tests call it.

    Attributes:
        metrics: of the application's requests.
        workspace: whose keys `write` and `read` are.
    """

    services: ApiServices
    app: FastAPI
    metrics: CollectorRegistry
    client: httpx.Client
    workspace: str
    admin: dict[str, str]
    write: dict[str, str]
    read: dict[str, str]
    stranger: dict[str, str]


@contextmanager
def served(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve an application on loopback, in a thread; yields where."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        server = make_server(app, ApiSettings())
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive(), "a request is still running"


@pytest.fixture
def api(topics: KafkaSettings, tmp_path: Path) -> Iterator[Installation]:
    """An installation with a key of each kind."""
    engine = new_sqlite(tmp_path / "plaudit.db")
    secret_key = base64.b64encode(os.urandom(32)).decode()
    deliver = DeliverSettings(
        SealSettings.model_validate({"secret_key": secret_key}),
        HttpSettings.model_validate({"allow_networks": "127.0.0.0/8"}),
    )
    settings = ApiSettings(api_rate_limit=0)
    with opened(engine, topics, deliver, settings) as services:
        workspace, other = str(uuid.uuid4()), str(uuid.uuid4())

        def key(scope: Scope, of: str | None) -> dict[str, str]:
            return {"authorization": f"Bearer {services.keys.create(scope, of, 'test')[1]}"}

        metrics = CollectorRegistry()
        app = create_app(services, metrics)
        with served(app) as base, httpx.Client(base_url=base, timeout=30) as client:
            yield Installation(
                services,
                app,
                metrics,
                client,
                workspace,
                key(Scope.ADMIN, None),
                key(Scope.WORKSPACE, workspace),
                key(Scope.READ, workspace),
                key(Scope.WORKSPACE, other),
            )
    engine.dispose()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Subscribers on loopback."""
    with Sink() as made:
        yield made
