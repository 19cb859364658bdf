"""Every endpoint in memory, indexed for matching.

One thread applies records; any may look up. What is looked up in, a workspace, is replaced as a
whole with each change, so that no reader sees half of one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.model import Deleted, Endpoint, Served, Unreadable
from plaudit.endpoints.opening import open_endpoint
from plaudit.records.codec import RecordError
from plaudit.records.endpoint import decode_endpoint

_log = logging.getLogger(__name__)

ERASED: Final = "customer.erased"
"""Goes to every endpoint of its workspace, whatever that filters: copies must be erased."""


class _Wanting(NamedTuple):
    """Who in a workspace wants a type of event.

    Attributes:
        all_from_ms: they all want what was appended from then on, whatever it holds; `NEVER_MS`
            where spaces or contents have to be looked at.
    """

    endpoints: tuple[Served, ...]
    all_from_ms: float


class _Workspace:
    """The endpoints of one workspace, and who of them wants what type, as far as it was asked."""

    __slots__ = ("served", "wanting")

    def __init__(self, served: tuple[Served, ...]) -> None:
        self.served = served
        self.wanting: dict[str, _Wanting] = {}

    def learn(self, event_type: str) -> _Wanting:
        """Find out who wants a type, once."""
        erased = event_type == ERASED
        endpoints = tuple(
            each for each in self.served if erased or not each.types or event_type in each.types
        )
        chooses = any(each.spaces or each.wants is not None for each in endpoints)
        from_ms = max((each.active_from_ms for each in endpoints), default=0)
        found = _Wanting(endpoints, NEVER_MS if chooses and not erased else from_ms)
        self.wanting[event_type] = found
        return found


NEVER_MS: Final = float("inf")
_NOBODY: Final = _Workspace(())


class EndpointTable:
    """The compacted topic of endpoints, as a table.

    Args:
        keys: open what is sealed.
    """

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys
        self._by_id: dict[str, Served | Deleted] = {}
        self._workspaces: dict[str, _Workspace] = {}

    def __len__(self) -> int:
        return sum(not isinstance(each, Deleted) for each in tuple(self._by_id.values()))

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of the topic; versions older than what is known are ignored."""
        endpoint_id = key.decode("utf-8", "replace")
        if value is None:
            self._put(endpoint_id, Deleted(endpoint_id))
            return
        try:
            endpoint = open_endpoint(decode_endpoint(value), self._keys)
        except RecordError as error:
            _log.error(
                "endpoint.unreadable", extra={"endpoint_id": endpoint_id, "error": str(error)}
            )
            return
        known = self._by_id.get(endpoint_id)
        if isinstance(known, Endpoint | Unreadable) and known.version > endpoint.version:
            return
        if isinstance(endpoint, Unreadable):
            self._say(endpoint_id, endpoint.reason)
        if endpoint.endpoint_id == endpoint_id:
            endpoint_id = endpoint.endpoint_id  # one text for both, in memory for good
        self._put(endpoint_id, endpoint)

    def find(self, endpoint_id: str) -> Served | Deleted | None:
        """Return what is known of an endpoint; None when nobody ever spoke of it."""
        return self._by_id.get(endpoint_id)

    def match(
        self,
        workspace_id: str,
        event_type: str,
        space_id: str,
        appended_ms: int,
        data: Mapping[str, Any],
    ) -> Sequence[Served]:
        """Return the endpoints that want an event.

        Args:
            workspace_id: the event's; endpoints of others never match.
            event_type: such as `testimonial.approved`.
            space_id: the event's.
            appended_ms: when it was appended, by the brokers' clock; a redelivery decides the same.
            data: of the event, for content filters.
        """
        workspace = self._workspaces.get(workspace_id, _NOBODY)
        wanting = workspace.wanting.get(event_type) or workspace.learn(event_type)
        if appended_ms >= wanting.all_from_ms:
            return wanting.endpoints
        erased = event_type == ERASED
        return [
            each
            for each in wanting.endpoints
            if appended_ms >= each.active_from_ms and (erased or _wants(each, space_id, data))
        ]

    def _put(self, endpoint_id: str, now: Served | Deleted) -> None:
        before = self._by_id.get(endpoint_id)
        self._by_id[endpoint_id] = now
        for each in (before, now):
            if isinstance(each, Endpoint | Unreadable):
                self._refresh(each.workspace_id, endpoint_id, now)

    def _refresh(self, workspace_id: str, endpoint_id: str, now: Served | Deleted) -> None:
        """Put an endpoint into its workspace's list, or take it out."""
        others = [
            each
            for each in self._workspaces.get(workspace_id, _NOBODY).served
            if each.endpoint_id != endpoint_id
        ]
        if not isinstance(now, Deleted) and _serves(now, workspace_id):
            others.append(now)
        self._workspaces[workspace_id] = _Workspace(tuple(others))

    @staticmethod
    def _say(endpoint_id: str, error: str) -> None:
        _log.error("endpoint.unreadable", extra={"endpoint_id": endpoint_id, "error": error})


def _wants(endpoint: Served, space_id: str, data: Mapping[str, Any]) -> bool:
    """Return whether an endpoint wants an event of a type that it wants."""
    if endpoint.spaces and space_id not in endpoint.spaces:
        return False
    return endpoint.wants is None or endpoint.wants(data)


def _serves(endpoint: Served, workspace_id: str) -> bool:
    """Return whether events of a workspace are matched against an endpoint."""
    if endpoint.workspace_id != workspace_id:
        return False
    return isinstance(endpoint, Unreadable) or endpoint.status == "active"
