"""Notices: webhooks to a workspace's notification endpoint.

They stay in the database until a 2xx response, for at most a day. They are not events of the
catalogue and do not pass through Kafka, because they are few and concern deliveries that may fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.deliver.http_client import make_context, make_sender
from plaudit.deliver.pipeline.attempt import Attempter, RequestContent
from plaudit.deliver.settings import DeliverSettings
from plaudit.endpoints.model import Endpoint
from plaudit.endpoints.opening import open_endpoint
from plaudit.events.decoding import Event
from plaudit.events.rendering import render
from plaudit.formats.shape import SOURCE
from plaudit.logs.logger import event_logger
from plaudit.records.names import Trigger
from plaudit.records.times import time_text, wall_ms
from plaudit.store.db.database import reading, translated
from plaudit.store.db.tables import NOTICES, WORKSPACES
from plaudit.store.endpoints import rows

_log = event_logger(__name__)

AT_ONCE: Final = 20
WAITS_MS: Final = (10_000, 60_000, 600_000, 3_600_000)
"""Delays between attempts; the last one repeats."""
KEPT_MS: Final = 24 * 3_600_000
_SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that is due."""

    notice_id: str
    workspace_id: str
    type: str
    data: dict[str, Any]
    created_at: int
    attempts: int

    def event(self) -> Event:
        """Return the notice as an event, which determines the body of the request."""
        return Event(
            self.notice_id,
            self.type,
            time_text(self.created_at),
            self.workspace_id,
            "",
            str(self.data.get("endpoint_id", "")),
            {"workspace_id": self.workspace_id, **self.data},
        )


class Notifier:
    """Sends notices that are due.

    Args:
        engine: database.
        settings: keys, networks and time-outs of the workers.
    """

    def __init__(self, engine: Engine, settings: DeliverSettings) -> None:
        self._engine = engine
        self._keys = settings.seal.keys
        self._http = settings.http

    def run(self) -> int:
        """Send due notices; return the number of 2xx responses.

        Raises:
            DatabaseFailure: the next run sends the rest.
        """
        due = self._due(wall_ms())
        return asyncio.run(self._send_all(due)) if due else 0

    def _due(self, now_ms: int) -> Sequence[Notice]:
        query = (
            sa.select(NOTICES)
            .where(NOTICES.c.next_at <= now_ms)
            .order_by(NOTICES.c.next_at)
            .limit(AT_ONCE)
        )
        with reading(self._engine) as connection:
            found = connection.execute(query).all()
        return [
            Notice(each.notice_id, each.workspace_id, each.type, each.data, each.created_at,
                   each.attempts)
            for each in found
        ]  # fmt: skip

    async def _send_all(self, due: Sequence[Notice]) -> int:
        sender = make_sender(self._http, make_context(self._http))
        try:
            sent = await asyncio.gather(*(self._send(Attempter(sender), each) for each in due))
        finally:
            await sender.aclose()
        return sum(sent)

    async def _send(self, attempter: Attempter, notice: Notice) -> bool:
        endpoint = self._target(notice)
        if endpoint is None:
            self._settle(
                notice, "the workspace does not have a notification endpoint any more", done=True
            )
            return False
        event, shape = notice.event(), endpoint.shape
        write = None if shape is None else partial(shape.render, event, SOURCE)
        content = RequestContent(notice.notice_id, render(event), Trigger.EVENT, write)
        attempted = await attempter.send(content, endpoint)
        done = attempted.status in _SUCCESS
        self._settle(notice, attempted.error or f"answered {attempted.status}", done=done)
        return done

    def _target(self, notice: Notice) -> Endpoint | None:
        query = sa.select(WORKSPACES.c.notify_endpoint_id).where(
            WORKSPACES.c.workspace_id == notice.workspace_id
        )
        with reading(self._engine) as connection:
            target = connection.execute(query).scalar()
            stored = None if target is None else rows.find(connection, target)
        if stored is None or stored.status != "active":
            return None
        opened = open_endpoint(rows.record_of(stored), self._keys)
        return opened if isinstance(opened, Endpoint) else None

    def _settle(self, notice: Notice, said: str, *, done: bool) -> None:
        """Delete a notice that was sent or is too old; schedule a retry for others."""
        now_ms = wall_ms()
        extra = {"type": notice.type, "workspace_id": notice.workspace_id, "said": said}
        if not done and now_ms - notice.created_at > KEPT_MS:
            _log.error("notice.given_up", extra=extra)
            done = True
        elif not done:
            _log.warning("notice.failed", extra=extra)
        mine = NOTICES.c.notice_id == notice.notice_id
        with translated(), self._engine.begin() as connection:
            _write(connection, mine, notice, now_ms, done=done)


def _write(
    connection: Connection,
    mine: sa.ColumnElement[bool],
    notice: Notice,
    now_ms: int,
    *,
    done: bool,
) -> None:
    if done:
        connection.execute(NOTICES.delete().where(mine))
        return
    wait_ms = WAITS_MS[min(notice.attempts, len(WAITS_MS) - 1)]
    connection.execute(
        NOTICES.update().where(mine).values(attempts=notice.attempts + 1, next_at=now_ms + wait_ms)
    )
