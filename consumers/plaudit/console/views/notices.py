"""Notices after a change; the address has only their code, so no one can forge their text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TEXTS: Final[Mapping[str, str]] = {
    "saved": "Saved. Workers use it within a second.",
    "enabled": "Enabled. It receives events from now on.",
    "disabled": "Disabled. Deliveries on their way to it become dead letters.",
    "removed": "Deleted. Deliveries on their way to it are cancelled.",
    "chosen": "Saved. Notices go there from now on.",
    "sent": "Sent. Its result appears here within seconds.",
    "revoked": "Revoked, with immediate effect.",
    "stopped": "The job stops after its current batch.",
}


def notice(code: str) -> str | None:
    """Return the text of a notice; None if the code is unknown."""
    return _TEXTS.get(code)
