"""Restoration of endpoints from the compacted topic, for a database that lost them.

URL, headers and secrets stay encrypted: it copies their bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, assert_never

from sqlalchemy.engine import Connection, Engine

from plaudit.endpoints.binding import Binding, unbind
from plaudit.endpoints.keys import Sealed, SecretKeys
from plaudit.records.endpoint import EndpointRecord, RecordError
from plaudit.store.db.database import translated
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.rows import StoredEndpoint

UNSIGNED: Final = "it has no signature; --unsigned restores it"


class Skipped(NamedTuple):
    """A record that can't be restored.

    Attributes:
        endpoint_id: key of the record.
        why: reason for people.
    """

    endpoint_id: str
    why: str


class Restoration(NamedTuple):
    """The topic's endpoints, grouped by whether they can be restored.

    Attributes:
        endpoints: endpoints that can be restored.
        skipped: records that can't be restored.
        sealed_elsewhere: ids of endpoints whose encryption key this process does not have.
    """

    endpoints: Sequence[StoredEndpoint]
    skipped: Sequence[Skipped]
    sealed_elsewhere: Sequence[str]


class DatabaseNotEmpty(Exception):
    """The database already contains endpoints.

    Attributes:
        count: number of endpoints.
    """

    def __init__(self, count: int) -> None:
        super().__init__(
            f"the database already contains {count:,} endpoints; --merge adds those that it lacks"
        )
        self.count = count


def plan_restoration(
    values: Mapping[str, bytes], keys: SecretKeys, *, unsigned: bool = False
) -> Restoration:
    """Return the endpoints of the topic's latest records.

    Args:
        values: records by endpoint id.
        keys: keys for checking the signatures.
        unsigned: restore records without signature as well, as releases before 0.2 wrote them.
    """
    endpoints: list[StoredEndpoint] = []
    skipped: list[Skipped] = []
    elsewhere: list[str] = []
    for endpoint_id, value in sorted(values.items()):
        try:
            record, binding = unbind(value, keys)
        except RecordError as error:
            skipped.append(Skipped(endpoint_id, f"it can't be read: {error}"))
            continue
        why = _objection(record, endpoint_id, binding, unsigned=unsigned)
        if why is not None:
            skipped.append(Skipped(endpoint_id, why))
            continue
        endpoints.append(_stored(record))
        if binding is Binding.UNKNOWN:
            elsewhere.append(endpoint_id)
    return Restoration(endpoints, skipped, elsewhere)


def restore(
    engine: Engine, endpoints: Sequence[StoredEndpoint], *, merge: bool, dry_run: bool = False
) -> Sequence[StoredEndpoint]:
    """Add missing endpoints to the database in one transaction; return them.

    Args:
        engine: the database.
        endpoints: endpoints of the topic.
        merge: whether the database may contain endpoints, which stay unchanged.
        dry_run: add nothing.

    Raises:
        DatabaseNotEmpty: without `merge`, and the database contains endpoints.
        DatabaseFailure: nothing was changed.
    """
    with translated(), engine.begin() as connection:
        lacking = _lacking(connection, endpoints, merge=merge)
        if not dry_run:
            rows.insert_all(connection, lacking)
    return lacking


def _lacking(
    connection: Connection, endpoints: Sequence[StoredEndpoint], *, merge: bool
) -> Sequence[StoredEndpoint]:
    known = {endpoint_id for endpoint_id, _, _ in rows.find_names(connection)}
    if known and not merge:
        raise DatabaseNotEmpty(len(known))
    return [each for each in endpoints if each.endpoint_id not in known]


def _objection(
    record: EndpointRecord, endpoint_id: str, binding: Binding, *, unsigned: bool
) -> str | None:
    """Return why a record must not be restored; None if it may."""
    if record["endpoint_id"] != endpoint_id:
        return "its key names another endpoint"
    match binding:
        case Binding.BOUND | Binding.UNKNOWN:
            return None
        case Binding.UNBOUND:
            return None if unsigned else UNSIGNED
        case Binding.FORGED:
            return "its signature is wrong: the record was changed"
        case _:
            assert_never(binding)


def _stored(record: EndpointRecord) -> StoredEndpoint:
    return StoredEndpoint(
        record["endpoint_id"],
        record["workspace_id"],
        None,  # the topic does not contain names
        record["version"],
        Sealed(record["key_id"], record["sealed"]),
        tuple(record["event_types"]),
        tuple(record["spaces"]),
        record["format"],
        record["rate_limit"],
        record["schedule"],
        "disabled" if record["status"] == "DISABLED" else "active",
        record["status_reason"],
        record["status_since"],
        record["active_from"],
        announced=True,
        created_at=record["created_at"],
        updated_at=record["updated_at"],
        content_filter=record["content_filter"],
        signature_kinds=tuple(record["signature_kinds"]),
    )
