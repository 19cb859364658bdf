"""Every endpoint in memory, packed, and indexed for matching.

One thread applies records; any thread may look up. A record's seal is checked when the record
arrives. The record is opened (decrypted and parsed) when its endpoint is first used.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from plaudit.endpoints.binding import Binding, split_binding
from plaudit.endpoints.candidate import Candidate
from plaudit.endpoints.former import FormerEndpoints
from plaudit.endpoints.id_index import identity_of
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.matching import (
    EndpointAccess,
    TakesLong,
    TypeSubscribers,
    Workspace,
    former_of,
)
from plaudit.endpoints.model import Deleted, Endpoint, Matched, Served, Unreadable
from plaudit.endpoints.opening import open_endpoint, unreadable
from plaudit.endpoints.recent import RecentCache
from plaudit.endpoints.rows import CHANGED, CLOSED, DELETED, NO_SEAL, NONE, READABLE, EndpointRows
from plaudit.endpoints.summary import active_from_ms, candidate_of, same, served_from
from plaudit.logs.logger import event_logger
from plaudit.records.codec import RecordError
from plaudit.records.endpoint import EndpointRecord, decode_endpoint

_log = event_logger(__name__)

_UNBOUND: Final = Binding.UNBOUND
_FORGED: Final = Binding.FORGED
_BOUND: Final = Binding.BOUND
_REFUSED: Final[dict[int, str]] = {
    CHANGED: "its seal does not fit: it was changed without the secret key",
    NO_SEAL: (
        "it has no seal, which PLAUDIT_REQUIRE_BOUND_ENDPOINTS demands; "
        "run `plaudit endpoints reseal`"
    ),
}
_RESEAL: Final = "run `plaudit endpoints reseal`, then set PLAUDIT_REQUIRE_BOUND_ENDPOINTS=true"
FORMER_MS: Final = 24 * 3_600_000
"""Deleted endpoints are kept for this time, for a lane that is behind."""
MOST_UNREADABLE: Final = 0.5
"""If more than this part of the endpoints can't be opened, the key is wrong; fewer are damaged
records."""
MOST_REPORTED: Final = 10
"""Maximum number of unreadable endpoints that are logged one by one after the first read of the
topic."""
MOST_OPENED: Final = 10_000
"""Opened endpoints of one generation, 1.0 KB each: at most 20 MB in both."""
MOST_LEARNED: Final = 50_000
"""Learned endpoints of one generation, 0.3 KB each: about 30 MB in both."""
WIDE_COST: Final = 5_000
"""Maximum cost of a workspace, so that a wide one does not evict all others."""
LEARNED_AT_ONCE: Final = 100
"""Endpoints of a workspace that are learned in one slice: about 1 ms."""


class EndpointTable:
    """The compacted topic of endpoints, as a table.

    Args:
        keys: keys to decrypt records.
        require_bound: whether to refuse records without a seal, which earlier releases wrote.

    Attributes:
        forged: number of records that were refused because their seal does not match.
    """

    def __init__(self, keys: SecretKeys, *, require_bound: bool = False) -> None:
        self._keys = keys
        self._require_bound = require_bound
        self._lock = threading.Lock()
        self._rows = EndpointRows(keys)
        self._opened: RecentCache[Served] = RecentCache(MOST_OPENED)
        self._access = EndpointAccess(self._open_candidate)
        self._nothing = TypeSubscribers((), self._access, erased=False)
        self._learned: RecentCache[Workspace] = RecentCache(MOST_LEARNED)
        self._former = FormerEndpoints()
        self._complete = False
        self.forged = 0

    def __len__(self) -> int:
        return self._rows.served

    @property
    def learned(self) -> Mapping[str, Workspace]:
        """Workspaces that matching has recently learned, by id."""
        return self._learned.young

    @property
    def unreadable(self) -> int:
        """Number of endpoints that failed to decrypt."""
        return self._rows.unreadable

    @property
    def unbound(self) -> int:
        """Number of endpoints whose record has no seal."""
        return self._rows.unsealed

    @property
    def costly_filters(self) -> int:
        """Number of endpoints whose filter was too costly for an event."""
        return len(self._access.costly)

    def apply(self, key: bytes, value: bytes | None, appended_ms: int = 0) -> None:
        """Apply a record of the topic; versions older than the known one are ignored.

        Args:
            key: the endpoint's id.
            value: its record; None: it was deleted.
            appended_ms: when the record was appended, by the brokers' clock.
        """
        with self._lock:
            if value is None:
                self._delete(key.decode("utf-8", "replace"), appended_ms)
                return
            workspace_id = self._rows.add_first(key, value, appended_ms)
            if not workspace_id:
                self._apply_record(key.decode("utf-8", "replace"), value, appended_ms)
            elif self._learned.peek(workspace_id) is not None or workspace_id in self._former:
                self._changed(key.decode(), workspace_id, is_new=True)

    def _apply_record(self, endpoint_id: str, value: bytes, appended_ms: int) -> None:
        """Apply a record that needs a full check."""
        try:
            record, body, binding = split_binding(value, self._keys)
        except RecordError as error:
            self._report(endpoint_id, str(error))
            return
        if record["endpoint_id"] != endpoint_id:
            self._refuse(endpoint_id, "its key is that of another endpoint")
            return
        known = self._known(endpoint_id)
        state = self._state_of(record, binding, known)
        if state == NONE:
            return
        record["active_from"] = served_from(record["active_from"], appended_ms, known)
        row = self._rows.add(identity_of(endpoint_id))
        workspace_id = record["workspace_id"]
        is_new = known is None or known.workspace_id != workspace_id
        if known is not None and is_new:
            self._leave(row, known)
        self._rows.put(row, body, workspace_id, record["active_from"])
        self._rows.judge(row, state, sealed=binding is not _UNBOUND)
        self._changed(endpoint_id, workspace_id, is_new=is_new)

    def _known(self, endpoint_id: str) -> Candidate | None:
        """Return the candidate of an existing endpoint."""
        row = self._rows.find(endpoint_id)
        if row == NONE or self._rows.state[row] < READABLE:
            return None
        return self._candidate(row)

    def _candidate(self, row: int) -> Candidate:
        readable = self._rows.state[row] == READABLE
        return candidate_of(self._rows.value(row), self._rows.moment[row], readable=readable)

    def _state_of(self, record: EndpointRecord, binding: Binding, known: Candidate | None) -> int:
        """Return the new state of a record's endpoint; NONE if the record changes nothing."""
        is_readable = known is not None and known.readable
        refusal = self._refusal(binding)
        if refusal is not None:
            # While the topic is read for the first time, unsealed records may be superseded ones.
            if self._complete or binding is _FORGED:
                self._refuse(record["endpoint_id"], _REFUSED[refusal])
            return NONE if is_readable else refusal
        if known is not None and is_readable and known.version > record["version"]:
            return NONE
        if binding is _BOUND:
            return READABLE
        endpoint = open_endpoint(record, self._keys)
        if isinstance(endpoint, Endpoint):
            return READABLE
        if self._complete:
            self._report(endpoint.endpoint_id, endpoint.reason)
        return CLOSED

    def _refusal(self, binding: Binding) -> int | None:
        """Return the state of a refused record; None: the record is accepted."""
        if binding is _FORGED:
            return CHANGED
        return NO_SEAL if binding is _UNBOUND and self._require_bound else None

    def complete(self) -> None:
        """Log the endpoints that can't be opened, after the topic was read to its end."""
        with self._lock:
            self._complete = True
            for row in self._rows.unreadable_rows(MOST_REPORTED):
                endpoint = self._open(row, self._candidate(row).endpoint_id)
                if isinstance(endpoint, Unreadable):
                    self._report(endpoint.endpoint_id, endpoint.reason)
        if self.unreadable > MOST_REPORTED:
            _log.error("endpoints.unreadable", extra={"endpoints": self.unreadable})
        if self.unbound:
            _log.warning("endpoints.unbound", extra={"endpoints": self.unbound, "advice": _RESEAL})

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
        """Return an endpoint, opened; None if the topic never contained it."""
        found = self._opened.young.get(endpoint_id)
        if found is not None:
            return found
        with self._lock:
            row = self._rows.find(endpoint_id)
            state = NONE if row == NONE else self._rows.state[row]
            if state < READABLE:
                return Deleted(endpoint_id) if state == DELETED else None
            return self._open(row, endpoint_id)

    def _open(self, row: int, endpoint_id: str) -> Served:
        """Return the endpoint of a row, decrypted and parsed on first use."""
        known = self._opened.get(endpoint_id)
        if known is not None:
            return known
        record = decode_endpoint(self._rows.value(row))
        record["active_from"] = active_from_ms(self._rows.moment[row], record["active_from"])
        # The same objects as in other tables.
        record["endpoint_id"], record["workspace_id"] = endpoint_id, same(record["workspace_id"])
        state = self._rows.state[row]
        refusal = _REFUSED.get(state)
        endpoint = (
            open_endpoint(record, self._keys) if refusal is None else unreadable(record, refusal)
        )
        if isinstance(endpoint, Unreadable) and state == READABLE:
            self._rows.judge(row, CLOSED, sealed=True)
            self._report(endpoint_id, endpoint.reason)
        self._opened.put(endpoint_id, endpoint)
        return endpoint

    def _open_candidate(self, candidate: Candidate) -> Matched:
        """Return the endpoint of a candidate; a former one if it was deleted."""
        if candidate.former is not None:
            return candidate.former
        found = self._opened.young.get(candidate.endpoint_id)
        if found is None:
            there = self.find(candidate.endpoint_id)
            found = None if there is None or isinstance(there, Deleted) else there
        if found is None or found.workspace_id != candidate.workspace_id:
            return former_of(candidate, (), 0)
        return found

    def subscribers(self, workspace_id: str, event_type: str) -> TypeSubscribers:
        """Return the subscribers of a type of event.

        Args:
            workspace_id: the event's workspace; endpoints of others never match.
            event_type: such as `testimonial.approved`.

        Raises:
            TakesLong: the workspace has many endpoints, of which some were learned; call again.
        """
        workspace = self._learned.young.get(workspace_id)
        if workspace is not None:
            found = workspace.subscribers.get(event_type)
            if found is not None:
                return found
        with self._lock:
            workspace = self._learn(workspace_id)
            if workspace is None:
                return self._nothing
            if workspace.next_row != NONE:
                raise TakesLong
            return workspace.subscribers.get(event_type) or workspace.learn(event_type)

    def _learn(self, workspace_id: str) -> Workspace | None:
        """Learn a workspace's endpoints for matching, one slice at a time."""
        workspace = self._learned.peek(workspace_id)
        if workspace is None:
            former = self._former.of(workspace_id)
            first = self._rows.first_of(workspace_id)
            if first == NONE and not former:
                return None
            workspace = Workspace(self._access, first)
            for each in former:
                workspace.add(each.endpoint_id, each)
        left = LEARNED_AT_ONCE
        while workspace.next_row != NONE and left:
            candidate = self._candidate(workspace.next_row)
            workspace.add(candidate.endpoint_id, candidate)
            workspace.next_row = self._rows.next_of(workspace.next_row)
            left -= 1
        cost = len(workspace) if workspace.next_row == NONE else WIDE_COST
        if self._learned.get(workspace_id, min(cost, WIDE_COST)) is None:
            self._learned.put(workspace_id, workspace, min(cost, WIDE_COST))
        return workspace

    def _changed(self, endpoint_id: str, workspace_id: str, *, is_new: bool) -> None:
        """Drop the opened endpoint, and update the learned one."""
        self._opened.drop(endpoint_id)
        self._access.costly.discard(endpoint_id)
        self._former.drop(workspace_id, endpoint_id)
        workspace = self._learned.peek(workspace_id)
        if workspace is not None:
            now = self._candidate(self._rows.find(endpoint_id))
            workspace.put(endpoint_id, now, is_new=is_new)

    def _leave(self, row: int, known: Candidate) -> None:
        """Remove an endpoint from its workspace."""
        workspace = self._learned.peek(known.workspace_id)
        if workspace is not None:
            if workspace.next_row == row:
                workspace.next_row = self._rows.next_of(row)
            workspace.put(known.endpoint_id, None, is_new=False)
        self._rows.unlink(row)

    def _delete(self, endpoint_id: str, at_ms: int) -> None:
        """Apply a tombstone; events from before it are still matched."""
        row = self._rows.add(identity_of(endpoint_id))
        known = self._known(endpoint_id)
        if known is not None:
            former = former_of(known, self._open(row, endpoint_id).earlier, at_ms)
            candidate = Candidate.of_former(former)
            self._leave(row, known)
            self._former.add(candidate, at_ms)
            self._refresh(candidate, candidate, is_new=True)
        self._rows.judge(row, DELETED, sealed=True)
        self._opened.drop(endpoint_id)
        self._access.costly.discard(endpoint_id)
        for each in self._former.forget(at_ms - FORMER_MS):
            self._refresh(each, None, is_new=False)

    def _refresh(self, known: Candidate, now: Candidate | None, *, is_new: bool) -> None:
        """Update the learned endpoint."""
        workspace = self._learned.peek(known.workspace_id)
        if workspace is not None:
            workspace.put(known.endpoint_id, now, is_new=is_new)

    def _refuse(self, endpoint_id: str, reason: str) -> None:
        self.forged += 1
        self._report(endpoint_id, reason)

    @staticmethod
    def _report(endpoint_id: str, error: str) -> None:
        _log.error("endpoint.unreadable", extra={"endpoint_id": endpoint_id, "error": error})
