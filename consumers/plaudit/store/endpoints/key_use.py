"""Use of the secret keys: how many endpoints each of them has sealed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Engine

from plaudit.endpoints.keys import VARIABLE, SecretKeys
from plaudit.kafka.errors import SettingsError
from plaudit.runtime.metrics.common import metric_of, seeded
from plaudit.runtime.metrics.others import SEALED
from plaudit.store.db.database import translated
from plaudit.store.db.tables import ENDPOINTS

LOOK_EVERY_S: Final = 30.0


class KeyState(StrEnum):
    """Place of a key in the setting."""

    FIRST = "first"
    OTHER = "other"
    MISSING = "missing"


class KeyUse(Collector):
    """Counts the endpoints of each key; `look` belongs to one thread, any thread may collect.

    Args:
        engine: the database.
        keys: the keys of this process.
    """

    def __init__(self, engine: Engine, keys: SecretKeys) -> None:
        self._engine = engine
        self._keys = keys
        self.counts: Counter[str] = Counter()

    def look(self) -> None:
        """Count again.

        Raises:
            DatabaseFailure: the database is unavailable.
        """
        found: Counter[str] = Counter()
        for key_id, count in sealed_by(self._engine).items():
            found[self._state(key_id)] += count
        self.counts = found

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        counts = seeded(KeyState, self.counts)
        yield metric_of(SEALED, {(key,): count for key, count in counts.items()})

    def _state(self, key_id: str) -> KeyState:
        if key_id == self._keys.first:
            return KeyState.FIRST
        return KeyState.OTHER if key_id in self._keys.ids else KeyState.MISSING


def sealed_by(engine: Engine) -> Counter[str]:
    """Return how many endpoints each key has sealed, by the key's id.

    Raises:
        DatabaseFailure: the database is unavailable.
    """
    query = sa.select(ENDPOINTS.c.key_id, sa.func.count()).group_by(ENDPOINTS.c.key_id)
    with translated(), engine.connect() as connection:
        return Counter({row[0]: row[1] for row in connection.execute(query)})


def require_keys(engine: Engine, keys: SecretKeys) -> None:
    """Check that the keys open at least one of the database's endpoints, if it has any.

    Raises:
        SettingsError: they open none, so the keys belong to another installation.
        DatabaseFailure: the database is unavailable.
    """
    sealed = sealed_by(engine)
    if not sealed or sealed.keys() & keys.ids:
        return
    others = ", ".join(sorted(sealed))
    raise SettingsError(
        VARIABLE,
        f"opens none of the database's endpoints ({sealed.total():,}): they are sealed with key "
        f"{others}, and this is {keys.first}. Set the key of the other processes; `plaudit "
        "endpoints list` and `remove` work without it",
    )
