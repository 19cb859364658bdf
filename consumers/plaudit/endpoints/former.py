"""Deleted endpoints, for events that were published before the deletion and are read after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from typing import Final

from plaudit.endpoints.candidate import Candidate

_NONE: Final[Mapping[str, Candidate]] = {}


class FormerEndpoints:
    """Deleted endpoints by workspace, in the order of their deletion."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Candidate]] = {}
        self._deletions: deque[tuple[int, Candidate]] = deque()

    def __contains__(self, workspace_id: object) -> bool:
        return workspace_id in self._of

    def of(self, workspace_id: str) -> Collection[Candidate]:
        """Return the deleted endpoints of a workspace."""
        return self._of.get(workspace_id, _NONE).values()

    def add(self, candidate: Candidate, deleted_ms: int) -> None:
        """Add a deleted endpoint."""
        self._of.setdefault(candidate.workspace_id, {})[candidate.endpoint_id] = candidate
        self._deletions.append((deleted_ms, candidate))

    def drop(self, workspace_id: str, endpoint_id: str) -> Candidate | None:
        """Remove an endpoint; return it if it was there."""
        known = self._of.get(workspace_id)
        if known is None:
            return None
        found = known.pop(endpoint_id, None)
        if not known:
            self._of.pop(workspace_id)
        return found

    def forget(self, before_ms: int) -> list[Candidate]:
        """Remove and return the endpoints that were deleted before a moment."""
        forgotten: list[Candidate] = []
        while self._deletions and self._deletions[0][0] < before_ms:
            _, gone = self._deletions.popleft()
            known = self._of.get(gone.workspace_id, _NONE)
            if known.get(gone.endpoint_id) is gone:
                self.drop(gone.workspace_id, gone.endpoint_id)
                forgotten.append(gone)
        return forgotten
