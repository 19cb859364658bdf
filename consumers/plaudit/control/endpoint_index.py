"""Names and hosts of all endpoints in memory, for searches by a part of one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.engine import Engine

from plaudit.endpoints.keys import CannotOpen
from plaudit.runtime.gc_tuning import spare_cache
from plaudit.store.audit.search import changed_endpoints, newest_number
from plaudit.store.db.database import DatabaseFailure, reading
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.service import EndpointService

UNREADABLE: Final = "address can't be decrypted"
_AT_ONCE: Final = 5_000
_OVERLAP: Final = 200
"""Entries of the audit log that are read again, since a transaction may end after a later one."""


@dataclass(frozen=True, slots=True)
class IndexedEndpoint:
    """Searchable text of an endpoint.

    Attributes:
        name: its name, or its host if it has none.
        host: host of its URL.
        lower_name: the name in lower case, since a search reads all of them.
        lower_host: the host in lower case.
    """

    endpoint_id: str
    workspace_id: str
    version: int
    name: str
    host: str
    lower_name: str
    lower_host: str


class EndpointIndex:
    """Finds endpoints by a part of their name or host, of which the database has only the name.

    `filled` or the first search reads and decrypts every endpoint; each later search reads what the
    audit log says has changed since.

    Args:
        engine: database.
        endpoints: reads and decrypts endpoints.
    """

    def __init__(self, engine: Engine, endpoints: EndpointService) -> None:
        self._engine = engine
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._known: dict[str, IndexedEndpoint] = {}
        self._read_to: int | None = None
        self._stop = threading.Event()

    @contextmanager
    def filled(self) -> Iterator[None]:
        """Fill the index in a thread, so that the first search need not wait for it."""
        thread = threading.Thread(target=self.fill, name="endpoint-index")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def host_of(self, endpoint: StoredEndpoint) -> str:
        """Return the host of an endpoint's URL.

        The index stays as it is: another thread may be searching it, and the endpoint may have been
        removed since the caller read it.
        """
        known = self._known.get(endpoint.endpoint_id)
        if known is None or known.version != endpoint.version:
            known = self._entry(endpoint)
        return known.host

    def find(self, part: str, host: str, workspace_id: str | None) -> Sequence[IndexedEndpoint]:
        """Return the endpoints whose name has a part, or whose host has another, by name.

        Raises:
            DatabaseFailure: the database can't be read.
        """
        part, host = part.lower(), host.lower()
        with self._lock:
            self._refresh()
            found = [
                each
                for each in self._known.values()
                if (workspace_id is None or workspace_id == each.workspace_id)
                and (part in each.lower_name or host in each.lower_host)
            ]
        return sorted(found, key=lambda each: (each.lower_name, each.endpoint_id))

    def fill(self) -> None:
        """Read what has changed, or everything; after a failure, the first search tries again."""
        with suppress(DatabaseFailure), self._lock:
            self._refresh()

    def _refresh(self) -> None:
        with reading(self._engine) as connection:
            newest = newest_number(connection)
        if self._read_to is None or newest < self._read_to:
            if not self._take_all():
                return
        elif newest > self._read_to:
            with reading(self._engine) as connection:
                changed = changed_endpoints(connection, self._read_to - _OVERLAP)
            self._take(changed)
        self._read_to = newest

    def _take_all(self) -> bool:
        """Read every endpoint; return False if the server stopped before the end."""
        self._known.clear()
        place: tuple[int, str] | None = None
        while page := self._endpoints.page(None, _AT_ONCE, place):
            self._keep(page)
            place = page[-1].created_at, page[-1].endpoint_id
            if self._stop.is_set():
                return False
        spare_cache(len(self._known))
        return True

    def _take(self, changed: Sequence[str]) -> None:
        for first in range(0, len(changed), _AT_ONCE):
            ids = changed[first : first + _AT_ONCE]
            found = self._endpoints.find_many(ids)
            self._keep(found.values())
            for each in set(ids) - set(found):
                self._known.pop(each, None)

    def _keep(self, endpoints: Iterable[StoredEndpoint]) -> None:
        for each in endpoints:
            known = self._known.get(each.endpoint_id)
            if known is None or known.version != each.version:
                self._known[each.endpoint_id] = self._entry(each)

    def _entry(self, endpoint: StoredEndpoint) -> IndexedEndpoint:
        try:
            host = urlsplit(self._endpoints.private(endpoint).url).netloc
        except CannotOpen:
            host = UNREADABLE
        name = endpoint.name or host
        lower_name, lower_host = _lower(name), _lower(host)
        return IndexedEndpoint(
            endpoint.endpoint_id,
            sys.intern(endpoint.workspace_id),
            endpoint.version,
            name,
            host,
            lower_name,
            lower_host,
        )


def _lower(text: str) -> str:
    """Return a text in lower case; itself if it already is, which takes no memory."""
    lower = text.lower()
    return text if lower == text else lower
