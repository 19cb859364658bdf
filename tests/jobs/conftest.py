"""Topics, endpoints and a database for tests of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from databases import new_sqlite
from dlq.conftest import announce, make_topics
from dlq.generate import ENDPOINTS
from plaudit.kafka.settings import KafkaSettings


@pytest.fixture
def installation(settings: KafkaSettings) -> KafkaSettings:
    """All topics, few tiers, and ten active endpoints; the settings to use them."""
    few = settings.model_copy(update={"retry_schedule": "5s"})
    make_topics(few)
    announce(few, *ENDPOINTS)
    return few


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a new database."""
    return f"sqlite:///{tmp_path / 'plaudit.db'}"


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The database."""
    made = new_sqlite(Path(database.removeprefix("sqlite:///")))
    yield made
    made.dispose()
