"""Notices after a change; the address has only their code, so no one can forge their text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from plaudit.console.views.words import plural

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
_RETRIED: Final = re.compile(r"retried-([0-9]{1,6})")


def notice(code: str) -> str | None:
    """Return the text of a notice; None if the code is unknown."""
    found = _RETRIED.fullmatch(code)
    if found is not None:
        count = int(found[1])
        return (
            "Nothing matched." if not count else f"{plural(count, 'delivery', 'deliveries')} sent."
        )
    return _TEXTS.get(code)
