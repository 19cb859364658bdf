"""A Confluent-compatible schema registry: look-ups at run time, registering in deployments.

Needs the extra `registry` (httpx).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable
from queue import SimpleQueue
from typing import Any, Final
from urllib.parse import quote

import httpx

from plaudit.events.registry_errors import (
    RegistryFailure,
    RegistryUnavailable,
    SchemaIncompatible,
    SchemaNotRegistered,
)

_log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
TIMEOUT_S: Final = 5.0
ASK_AGAIN_S: Final = 1.0
COMPATIBILITY: Final = "FULL_TRANSITIVE"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_FAILED: Final = 400


class RegistryClient:
    """Asks a registry; what it answered once is remembered for good, as ids never change.

    Args:
        url: of the registry; may hold a user and a password.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._shown = httpx.URL(url).copy_with(userinfo=b"")
        self._client = httpx.Client(timeout=TIMEOUT_S, headers={"content-type": CONTENT_TYPE})
        self._schemas: dict[int, str] = {}
        self._ids: dict[str, int] = {}

    def schema_by_id(self, schema_id: int) -> str:
        """Return the schema, as JSON, of an id.

        Raises:
            SchemaNotRegistered: there is none.
            RegistryFailure: no answer, or another one.
        """
        known = self._schemas.get(schema_id)
        if known is None:
            answer = self._ask("GET", f"/schemas/ids/{schema_id}", f"find schema id {schema_id}")
            known = self._schemas[schema_id] = str(answer["schema"])
        return known

    def preload(self, subjects: Iterable[str]) -> int:
        """Learn every version of these subjects, those that are not there left out.

        Returns:
            How many schemas are known now.

        Raises:
            RegistryFailure: no answer, or another one.
        """
        for subject in subjects:
            path = f"/subjects/{quote(subject, safe='')}/versions"
            try:
                versions = self._ask("GET", path, f"list the versions of {subject}")
            except SchemaNotRegistered:
                continue
            for version in versions:
                doing = f"read version {version} of {subject}"
                answer = self._ask("GET", f"{path}/{version}", doing)
                self._schemas[int(answer["id"])] = str(answer["schema"])
        return len(self._schemas)

    def known(self, schema_id: int) -> str | None:
        """Return the schema of an id if it was learned before; asks nobody."""
        return self._schemas.get(schema_id)

    def id_of(self, subject: str, schema: str) -> int:
        """Return the id that a schema has; it is looked up, never registered.

        Raises:
            SchemaNotRegistered: a deployment forgot `plaudit schemas register`.
            RegistryFailure: no answer, or another one.
        """
        known = self._ids.get(subject)
        if known is None:
            body = {"schema": schema}
            path = f"/subjects/{quote(subject, safe='')}"
            answer = self._ask("POST", path, f"find the schema of {subject}", body)
            known = self._ids[subject] = int(answer["id"])
        return known

    def register(self, subject: str, schema: str) -> int:
        """Register a schema, which must be compatible with all earlier ones; return its id.

        Raises:
            SchemaIncompatible: it is not.
            RegistryFailure: no answer, or another one.
        """
        path = f"/subjects/{quote(subject, safe='')}"
        rule = {"compatibility": COMPATIBILITY}
        self._ask("PUT", f"/config/{quote(subject, safe='')}", f"set the rule of {subject}", rule)
        answer = self._ask("POST", f"{path}/versions", f"register {subject}", {"schema": schema})
        return int(answer["id"])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, doing: str, body: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON: an object or a list
        content = None if body is None else json.dumps(body)
        try:
            response = self._client.request(method, self._url + path, content=content)
        except httpx.HTTPError as error:
            msg = f"{doing}: the schema registry is away or did not answer in time ({error!r})"
            raise RegistryUnavailable(msg) from None
        if response.status_code >= _FAILED:
            raise _refusal(response, doing)
        try:
            return response.json()
        except ValueError:
            msg = f"{doing}: the schema registry answered no JSON; is {self._shown} one?"
            raise RegistryFailure(msg) from None


def _refusal(response: httpx.Response, doing: str) -> RegistryFailure:
    said = f"{doing}: the schema registry answered {response.status_code}: {response.text[:300]}"
    match response.status_code:
        case status if status == _NOT_FOUND:
            return SchemaNotRegistered(f"{said}; run `plaudit schemas register`")
        case status if status == _CONFLICT:
            return SchemaIncompatible(said)
        case _:
            return RegistryFailure(said)


class RegistryLookup:
    """Look-ups by id that never block: what is not known yet is fetched in a thread.

    What was learned once stays known while the registry is away.

    Args:
        url: of the registry.
        subjects: whose versions are learned at once, before anybody asks.
        again_s: how long to wait before a look-up that failed is tried again.
    """

    def __init__(
        self, url: str, subjects: Iterable[str] = (), again_s: float = ASK_AGAIN_S
    ) -> None:
        self._client = RegistryClient(url)
        self._subjects = tuple(subjects)
        self._again_s = again_s
        self._asked: set[int] = set()
        self._not_before: dict[int, float] = {}
        self._wanted: SimpleQueue[int | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._fetch, name="schema-registry", daemon=True)
        self._thread.start()

    def by_id(self, schema_id: int) -> str | None:
        """Return a schema as JSON, or None while it is not known; ask again later."""
        found = self._client.known(schema_id)
        if found is None and schema_id not in self._asked and self._is_time(schema_id):
            self._asked.add(schema_id)
            self._wanted.put(schema_id)
        return found

    def close(self) -> None:
        """End the thread."""
        self._wanted.put(None)
        self._thread.join()
        self._client.close()

    def _is_time(self, schema_id: int) -> bool:
        return time.monotonic() >= self._not_before.get(schema_id, 0.0)

    def _fetch(self) -> None:
        try:
            count = self._client.preload(self._subjects)
            _log.info("registry.preloaded", extra={"schemas": count})
        except RegistryFailure as failure:
            _log.warning("registry.failed", extra={"error": str(failure)})
        while (schema_id := self._wanted.get()) is not None:
            try:
                self._client.schema_by_id(schema_id)
            except RegistryFailure as failure:
                self._not_before[schema_id] = time.monotonic() + self._again_s
                _log.warning("registry.failed", extra={"error": str(failure)})
            finally:
                self._asked.discard(schema_id)
