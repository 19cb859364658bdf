"""Client of a Confluent-compatible schema registry.

Needs the extra `registry` (httpx).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from queue import SimpleQueue
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx

from plaudit.events.avro.writers import SchemaUnfit, self_contained
from plaudit.events.decoding import SchemaUnknown, Undecodable
from plaudit.events.framing import GlobalId, SchemaId
from plaudit.events.registry.addresses import schema_address
from plaudit.events.registry.errors import (
    RegistryFailure,
    RegistryUnavailable,
    SchemaIncompatible,
    SchemaNotRegistered,
    SchemaUnusable,
)
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
TIMEOUT_S: Final = 5.0
ASK_AGAIN_S: Final = 1.0
COMPATIBILITY: Final = "FULL_TRANSITIVE"
ASK_ABSENT_AGAIN_S: Final = 60.0
MOST_REMEMBERED: Final = 10_000
"""Cache size for ids that the registry does not have; a stray producer may invent any number."""
MOST_REFERENCES: Final = 100
_NOT_FOUND: Final = 404
_ABSENT_CODES: Final = frozenset({40401, 40402, 40403})
"""Error codes of a 404 for a missing subject, version or id.

A 404 without one of them comes from another server at that address.
"""
_ABSENT_NAMES: Final = frozenset({"ArtifactNotFoundException", "VersionNotFoundException"})
"""The same of Apicurio's own API."""
_CONFLICT: Final = 409
_FAILED: Final = 400


class _Version(NamedTuple):
    """One version of a subject."""

    subject: str
    number: int


class RegistryClient:
    """Registry client. Responses are cached without expiry, because ids never change.

    Args:
        url: URL of the registry; may contain a user and a password.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._shown = httpx.URL(url).copy_with(userinfo=b"")
        self._client = httpx.Client(
            base_url=self._url, timeout=TIMEOUT_S, headers={"content-type": CONTENT_TYPE}
        )
        self._schemas: dict[SchemaId, str] = {}
        self._ids: dict[str, int] = {}

    def schema_by_id(self, schema_id: SchemaId) -> str:
        """Return the schema of an id as JSON, with the types of other subjects inserted.

        Raises:
            SchemaNotRegistered: the registry does not have the id.
            SchemaUnusable: the schema exists but can't be used.
            RegistryFailure: no response, or an unexpected one.
        """
        known = self._schemas.get(schema_id)
        if known is None:
            doing = f"find schema id {schema_id}"
            answer = self._ask("GET", schema_address(self._url, schema_id), doing)
            # Apicurio's own API answers with the schema itself, its references inserted.
            is_bare = isinstance(schema_id, GlobalId)
            known = json.dumps(answer) if is_bare else self._whole(answer, doing)
            self._schemas[schema_id] = known
        return known

    def preload(self, subjects: Iterable[str]) -> int:
        """Load every version of these subjects; missing subjects are skipped.

        Returns:
            The number of known schemas.

        Raises:
            RegistryFailure: no response, or an unexpected one.
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
                try:
                    self._schemas[int(answer["id"])] = self._whole(answer, doing)
                except SchemaUnusable as failure:
                    _log.warning("registry.failed", extra={"error": str(failure)})
        return len(self._schemas)

    def known(self, schema_id: SchemaId) -> str | None:
        """Return the schema of an id from the cache, or None; makes no request."""
        return self._schemas.get(schema_id)

    def id_of(self, subject: str, schema: str) -> int:
        """Return the registry's id of a schema; never registers it.

        Raises:
            SchemaNotRegistered: the deployment has not run `plaudit schemas register`.
            RegistryFailure: no response, or an unexpected one.
        """
        known = self._ids.get(subject)
        if known is None:
            body = {"schema": schema}
            path = f"/subjects/{quote(subject, safe='')}"
            answer = self._ask("POST", path, f"find the schema of {subject}", body)
            known = self._ids[subject] = int(answer["id"])
        return known

    def register(self, subject: str, schema: str) -> int:
        """Register a schema, which must be compatible with all earlier versions; return its id.

        Raises:
            SchemaIncompatible: the registry rejects the schema as incompatible.
            RegistryFailure: no response, or an unexpected one.
        """
        path = f"/subjects/{quote(subject, safe='')}"
        rule = {"compatibility": COMPATIBILITY}
        self._ask("PUT", f"/config/{quote(subject, safe='')}", f"set the rule of {subject}", rule)
        answer = self._ask("POST", f"{path}/versions", f"register {subject}", {"schema": schema})
        return int(answer["id"])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _whole(self, answer: Mapping[str, Any], doing: str) -> str:
        """Return the schema of a response, self-contained.

        Raises:
            SchemaUnusable: the text is not an Avro schema, or a reference can't be resolved.
            RegistryFailure: no response, or an unexpected one.
        """
        if answer.get("schemaType", "AVRO") != "AVRO":
            raise SchemaUnusable(f"{doing}: it is not Avro but {answer['schemaType']}")
        schema = str(answer["schema"])
        if not answer.get("references"):
            return schema
        found: dict[_Version, str] = {}
        self._refer(answer, doing, found, ())
        try:
            return json.dumps(self_contained(schema, found.values()))
        except SchemaUnfit as error:
            raise SchemaUnusable(f"{doing}: {error}") from None

    def _refer(
        self,
        answer: Mapping[str, Any],
        doing: str,
        found: dict[_Version, str],
        above: tuple[_Version, ...],
    ) -> None:
        """Collect the schemas that a schema refers to, each after its own references.

        Raises:
            SchemaUnusable: references that are missing, circular, or too many.
            RegistryFailure: no response, or an unexpected one.
        """
        for reference in answer.get("references") or ():
            version = _Version(str(reference["subject"]), int(reference["version"]))
            if version in above:
                raise SchemaUnusable(f"{doing}: {version.subject} refers to itself")
            if version in found:
                continue
            if len(found) + len(above) >= MOST_REFERENCES:
                raise SchemaUnusable(f"{doing}: more than {MOST_REFERENCES} references")
            path = f"/subjects/{quote(version.subject, safe='')}/versions/{version.number}"
            try:
                inner = self._ask(
                    "GET", path, f"read version {version.number} of {version.subject}"
                )
            except SchemaNotRegistered as failure:
                raise SchemaUnusable(f"{doing}: a reference leads nowhere: {failure}") from None
            self._refer(inner, doing, found, (*above, version))
            found[version] = str(inner["schema"])

    def _ask(self, method: str, path: str, doing: str, body: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON: an object or a list
        content = None if body is None else json.dumps(body)
        try:
            response = self._client.request(method, path, content=content)
        except httpx.HTTPError as error:
            msg = f"{doing}: the schema registry is away or did not answer in time ({error!r})"
            raise RegistryUnavailable(msg) from None
        if response.status_code >= _FAILED:
            raise _refusal(response, doing)
        try:
            return response.json()
        except ValueError:
            msg = f"{doing}: the answer is not JSON; is {self._shown} a schema registry?"
            raise RegistryFailure(msg) from None


def _refusal(response: httpx.Response, doing: str) -> RegistryFailure:
    said = f"{doing}: the schema registry answered {response.status_code}: {response.text[:300]}"
    match response.status_code:
        case status if status == _NOT_FOUND and _is_absence(response):
            return SchemaNotRegistered(f"{said}; run `plaudit schemas register`")
        case status if status == _CONFLICT:
            return SchemaIncompatible(said)
        case _:
            return RegistryFailure(said)


def _is_absence(response: httpx.Response) -> bool:
    """Return whether the registry itself reports that the resource does not exist."""
    try:
        said = response.json()
        return said["error_code"] in _ABSENT_CODES or said.get("name") in _ABSENT_NAMES
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


class RegistryLookup:
    """Look-up by id that never blocks: a thread fetches unknown schemas.

    Known schemas stay available while the registry is unavailable.

    Args:
        url: URL of the registry.
        subjects: subjects whose versions are loaded at the start.
        again_s: seconds before a failed look-up is retried.
    """

    def __init__(
        self, url: str, subjects: Iterable[str] = (), again_s: float = ASK_AGAIN_S
    ) -> None:
        self._client = RegistryClient(url)
        self._subjects = tuple(subjects)
        self._again_s = again_s
        self._asked: set[SchemaId] = set()
        # By id: the failure, and when the registry may be asked again.
        self._trouble: dict[SchemaId, tuple[RegistryFailure, float]] = {}
        self._wanted: SimpleQueue[SchemaId | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._fetch, name="schema-registry", daemon=True)
        self._thread.start()

    def by_id(self, schema_id: SchemaId) -> str | None:
        """Return a schema as JSON, or None while the thread fetches it.

        Raises:
            SchemaUnknown: the registry could not be asked.
            Undecodable: the registry does not have it, or the schema can't be used.
        """
        found = self._client.known(schema_id)
        if found is not None:
            return found
        trouble = self._trouble.get(schema_id)
        if schema_id not in self._asked and (trouble is None or time.monotonic() >= trouble[1]):
            self._asked.add(schema_id)
            self._wanted.put(schema_id)
        if trouble is not None:
            raise _verdict(schema_id, trouble[0])
        return None

    def close(self) -> None:
        """Stop the thread."""
        self._wanted.put(None)
        self._thread.join()
        self._client.close()

    def _fetch(self) -> None:
        try:
            count = self._client.preload(self._subjects)
            _log.info("registry.preloaded", extra={"schemas": count})
        except RegistryFailure as failure:
            _log.warning("registry.failed", extra={"error": str(failure)})
        except Exception:  # noqa: BLE001 - a registry may answer with anything; keep the thread
            _log.exception("registry.failed")
        while (schema_id := self._wanted.get()) is not None:
            try:
                self._client.schema_by_id(schema_id)
            except RegistryFailure as failure:
                self._note(schema_id, failure)
            except Exception as error:  # noqa: BLE001 - as above
                _log.exception("registry.failed")
                self._note(schema_id, RegistryFailure(f"an answer that can't be read: {error!r}"))
            finally:
                self._asked.discard(schema_id)

    def _note(self, schema_id: SchemaId, failure: RegistryFailure) -> None:
        """Store the failure of a look-up."""
        lasting = isinstance(failure, SchemaNotRegistered | SchemaUnusable)
        before = self._trouble.get(schema_id)
        if before is None or str(before[0]) != str(failure):
            _log.warning("registry.failed", extra={"error": str(failure)})
        if before is None and len(self._trouble) >= MOST_REMEMBERED:
            del self._trouble[next(iter(self._trouble))]
        pause_s = ASK_ABSENT_AGAIN_S if lasting else self._again_s
        self._trouble[schema_id] = failure, time.monotonic() + pause_s


def _verdict(schema_id: SchemaId, failure: RegistryFailure) -> Exception:
    """Convert a failed look-up into the error for a record with that id."""
    match failure:
        case SchemaNotRegistered():
            return Undecodable("schema_unknown", f"the registry has no schema id {schema_id}")
        case SchemaUnusable():
            return Undecodable("unresolvable_schema", str(failure))
        case _:
            return SchemaUnknown(f"id {schema_id}", str(failure))
