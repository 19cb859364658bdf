"""Bound on the deliveries of one workspace that a lane has in hand."""

from __future__ import annotations

from collections.abc import Iterable


class WorkspaceBacklog:
    """Counts the deliveries in hand of each workspace; belongs to the event loop's thread.

    Deliveries leave a queue in several ways, so `recount` corrects the counts now and then.

    Args:
        most: deliveries in hand from which a workspace is full.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}

    def is_full(self, workspace_id: str) -> bool:
        """Return whether a workspace has as many deliveries in hand as it may."""
        return self._counts.get(workspace_id, 0) >= self._most

    def add(self, workspace_id: str) -> None:
        """Count a delivery that was taken in hand."""
        self._counts[workspace_id] = self._counts.get(workspace_id, 0) + 1

    def remove(self, workspace_id: str) -> None:
        """Discount a delivery whose attempt has ended."""
        left = self._counts.get(workspace_id, 0) - 1
        if left > 0:
            self._counts[workspace_id] = left
        else:
            self._counts.pop(workspace_id, None)

    def recount(self, in_hand: Iterable[str]) -> None:
        """Replace the counts.

        Args:
            in_hand: the workspace of each delivery in hand.
        """
        counts: dict[str, int] = {}
        for workspace_id in in_hand:
            counts[workspace_id] = counts.get(workspace_id, 0) + 1
        self._counts = counts
