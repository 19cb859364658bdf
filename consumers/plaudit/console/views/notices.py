"""Notices: those after a change, whose address has only a code, and those for an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.store.endpoints.notices import NoticeType

_TEXTS: Final[Mapping[str, str]] = {
    "saved": "Saved. Workers use it within a second.",
    "enabled": "Enabled. It receives events from now on.",
    "disabled": "Disabled. Deliveries on their way to it become dead letters.",
    "removed": "Deleted. Deliveries on their way to it are cancelled.",
    "chosen": "Saved. Notices go there from now on.",
    "sent": "Sent. Its result appears here within seconds.",
    "revoked": "Revoked, with immediate effect.",
    "ended": "Ended, with immediate effect; your own session stays.",
    "stopped": "The job stops after its current batch.",
}


NOTICE_TYPES: Final[Mapping[NoticeType, str]] = {
    NoticeType.DISABLED: "an endpoint was disabled, after days of failures or by its own answer",
    NoticeType.FAILING: "an endpoint has failed many times in a row",
    NoticeType.RECOVERED: "an endpoint that failed works again",
    NoticeType.EXHAUSTED: "a delivery was given up and became a dead letter",
    NoticeType.JOB: "a job is done, was stopped, or failed",
}
"""What each type of notice tells."""


def notice(code: str) -> str | None:
    """Return the text of a notice; None if the code is unknown."""
    return _TEXTS.get(code)
