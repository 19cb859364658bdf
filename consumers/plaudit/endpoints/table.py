"""Every endpoint in memory, indexed for matching.

One thread applies records; any may look up.
"""

from __future__ import annotations

from typing import Final

from plaudit.endpoints.binding import Binding, unbind
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.matching import Wanting, Workspace
from plaudit.endpoints.model import Deleted, Endpoint, Former, Served, Unreadable
from plaudit.endpoints.opening import open_endpoint, unreadable
from plaudit.logs.logger import event_logger
from plaudit.records.codec import RecordError
from plaudit.records.endpoint import EndpointRecord

_log = event_logger(__name__)

_NO_WORKSPACE: Final = Wanting((), erased=False)
_UNBOUND: Final = Binding.UNBOUND
_FORGED: Final = Binding.FORGED
_CHANGED: Final = "its seal does not fit: it was changed without the secret key"
_NO_SEAL: Final = (
    "it has no seal, which PLAUDIT_REQUIRE_BOUND_ENDPOINTS demands; run `plaudit endpoints reseal`"
)
_RESEAL: Final = "run `plaudit endpoints reseal`, then set PLAUDIT_REQUIRE_BOUND_ENDPOINTS=true"
FORMER_MS: Final = 24 * 3_600_000
"""Deleted endpoints are remembered for so long, for a lane that is behind."""
HEAD_START_MS: Final = 2_000
"""Between acceptance and service of an endpoint: time in which every worker reads of it."""
MOST_UNREADABLE: Final = 0.5
"""A larger part of the endpoints that can't be opened is a wrong key, not a few damaged records."""
MOST_REPORTED: Final = 10
"""Endpoints that can't be opened and are logged one by one, once the topic was read."""


class EndpointTable:
    """The compacted topic of endpoints, as a table.

    Args:
        keys: open what is sealed.
        require_bound: refuse records without a seal, which earlier releases wrote.

    Attributes:
        forged: records that were refused because their seal does not fit.
    """

    def __init__(self, keys: SecretKeys, *, require_bound: bool = False) -> None:
        self._keys = keys
        self._require_bound = require_bound
        self._by_id: dict[str, Served | Deleted] = {}
        self._workspaces: dict[str, Workspace] = {}
        self._unbound: set[str] = set()
        self._complete = False
        self.forged = 0

    def __len__(self) -> int:
        return sum(not isinstance(each, Deleted) for each in tuple(self._by_id.values()))

    @property
    def unreadable(self) -> int:
        """Number of endpoints that can't be opened."""
        return sum(isinstance(each, Unreadable) for each in tuple(self._by_id.values()))

    @property
    def unbound(self) -> int:
        """Number of endpoints whose record has no seal."""
        return len(self._unbound)

    @property
    def costly_filters(self) -> int:
        """Number of endpoints whose filter was too costly for an event."""
        return sum(
            not isinstance(each, Deleted) and each.wants is not None and each.wants.overruns > 0
            for each in tuple(self._by_id.values())
        )

    def apply(self, key: bytes, value: bytes | None, appended_ms: int = 0) -> None:
        """Take in a record of the topic; versions older than what is known are ignored.

        Args:
            key: the endpoint's id.
            value: its record; None: it was deleted.
            appended_ms: when that was written, by the brokers' clock.
        """
        endpoint_id = key.decode("utf-8", "replace")
        if value is None:
            self._unbound.discard(endpoint_id)
            self._delete(endpoint_id, appended_ms)
            return
        try:
            record, binding = unbind(value, self._keys)
        except RecordError as error:
            self._report(endpoint_id, str(error))
            return
        if record["endpoint_id"] != endpoint_id:
            self._refuse(endpoint_id, "its key is that of another endpoint")
            return
        known = self._by_id.get(endpoint_id)
        record["active_from"] = _served_from(record["active_from"], appended_ms, known)
        endpoint = self._take(record, binding)
        if endpoint is None:
            return
        if binding is _UNBOUND:
            self._unbound.add(endpoint_id)
        else:
            self._unbound.discard(endpoint_id)
        self._put(endpoint.endpoint_id, endpoint)

    def _take(self, record: EndpointRecord, binding: Binding) -> Served | None:
        """Return the endpoint of a record; None when what is known of it must stay."""
        known = self._by_id.get(record["endpoint_id"])
        refusal = self._refusal(binding)
        if refusal is not None:
            # While the topic is read for the first time, unsealed records may be superseded ones.
            if self._complete or binding is _FORGED:
                self._refuse(record["endpoint_id"], refusal)
            return None if isinstance(known, Endpoint) else unreadable(record, refusal)
        endpoint = open_endpoint(record, self._keys)
        if isinstance(known, Endpoint) and known.version > endpoint.version:
            return None
        if isinstance(endpoint, Unreadable) and self._complete:
            self._report(endpoint.endpoint_id, endpoint.reason)
        return endpoint

    def _refusal(self, binding: Binding) -> str | None:
        """Return why a record is not believed; None: it is."""
        if binding is _FORGED:
            return _CHANGED
        return _NO_SEAL if binding is _UNBOUND and self._require_bound else None

    def complete(self) -> None:
        """Report what can't be opened, now that the topic was read to its end."""
        self._complete = True
        found = [each for each in tuple(self._by_id.values()) if isinstance(each, Unreadable)]
        for each in found[:MOST_REPORTED]:
            self._report(each.endpoint_id, each.reason)
        if len(found) > MOST_REPORTED:
            _log.error("endpoints.unreadable", extra={"endpoints": len(found)})
        if self._unbound:
            _log.warning(
                "endpoints.unbound", extra={"endpoints": len(self._unbound), "advice": _RESEAL}
            )

    def problem(self) -> str | None:
        """Return why deliveries can't be made with these keys; None while most endpoints open."""
        unreadable, all_of_them = self.unreadable, len(self)
        if unreadable <= MOST_UNREADABLE * all_of_them:
            return None
        return (
            f"{unreadable} of {all_of_them} endpoints can't be opened; "
            "is PLAUDIT_SECRET_KEY the right one?"
        )

    def find(self, endpoint_id: str) -> Served | Deleted | None:
        """Return what is known of an endpoint; None when the topic never had it."""
        return self._by_id.get(endpoint_id)

    def wanting(self, workspace_id: str, event_type: str) -> Wanting:
        """Return which endpoints want a type of event.

        Args:
            workspace_id: the event's; endpoints of others never match.
            event_type: such as `testimonial.approved`.
        """
        workspace = self._workspaces.get(workspace_id)
        if workspace is None:
            return _NO_WORKSPACE
        return workspace.wanting.get(event_type) or workspace.learn(event_type)

    def _put(self, endpoint_id: str, now: Served | Deleted) -> None:
        before = self._by_id.get(endpoint_id)
        self._by_id[endpoint_id] = now
        for each in (before, now):
            if isinstance(each, Endpoint | Unreadable):
                self._refresh(each.workspace_id, endpoint_id, now)

    def _delete(self, endpoint_id: str, at_ms: int) -> None:
        """Take note of a tombstone; events from before it are still matched."""
        known = self._by_id.get(endpoint_id)
        self._put(endpoint_id, Deleted(endpoint_id))
        if isinstance(known, Endpoint | Unreadable):
            workspace = self._workspaces[known.workspace_id]
            workspace.put(endpoint_id, _former(known, at_ms))
            workspace.forget(at_ms - FORMER_MS)

    def _refresh(self, workspace_id: str, endpoint_id: str, now: Served | Deleted) -> None:
        """Put an endpoint into its workspace's list, or take it out."""
        workspace = self._workspaces.get(workspace_id)
        if workspace is None:
            workspace = self._workspaces[workspace_id] = Workspace()
        if isinstance(now, Deleted) or now.workspace_id != workspace_id:
            workspace.put(endpoint_id, None)
        else:
            workspace.put(endpoint_id, now)

    def _refuse(self, endpoint_id: str, reason: str) -> None:
        self.forged += 1
        self._report(endpoint_id, reason)

    @staticmethod
    def _report(endpoint_id: str, error: str) -> None:
        _log.error("endpoint.unreadable", extra={"endpoint_id": endpoint_id, "error": error})


def _served_from(said_ms: int, appended_ms: int, known: Served | Deleted | None) -> int:
    """Return from when on an endpoint is served, by the brokers' clock.

    The moment in its record comes from the clock of the machine that wrote it. Were that an hour
    ahead, the endpoint would get nothing for an hour.

    Args:
        said_ms: the moment in the record.
        appended_ms: when the record was appended; 0: not known.
        known: the endpoint so far; one that is served stays so when a later record changes it.
    """
    latest_ms = appended_ms + HEAD_START_MS
    if not appended_ms or said_ms <= latest_ms:
        return said_ms
    if isinstance(known, Endpoint | Unreadable) and known.ended_ms is None:
        return min(known.active_from_ms, latest_ms)
    return latest_ms


def _former(known: Served, deleted_ms: int) -> Former:
    """Return what has to be remembered of a deleted endpoint."""
    ended_ms = deleted_ms if known.ended_ms is None else min(known.ended_ms, deleted_ms)
    return Former(
        known.endpoint_id,
        known.workspace_id,
        known.version,
        known.types,
        known.spaces,
        known.active_from_ms,
        known.wants,
        known.earlier,
        ended_ms,
    )
