"""Texts of notices: those after a change, by the code in the address, and notice types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.store.endpoints.notices import NoticeType

_TEXTS: Final[Mapping[str, str]] = {
    "saved": "Saved. Workers use it within a second.",
    "enabled": "Enabled. It receives events from now on.",
    "disabled": "Disabled. Pending deliveries become dead letters.",
    "removed": "Deleted. Pending deliveries are cancelled.",
    "chosen": "Saved. The endpoint receives notices from now on.",
    "sent": "Sent. Its result appears here within seconds.",
    "revoked": "Revoked, with immediate effect.",
    "ended": "Ended, with immediate effect; your own session stays.",
    "stopped": "The job stops after its current batch.",
}


NOTICE_TYPES: Final[Mapping[NoticeType, str]] = {
    NoticeType.DISABLED: "an endpoint was disabled, after days of failures or an answer 410",
    NoticeType.FAILING: "an endpoint has failed many times in a row",
    NoticeType.RECOVERED: "a failing endpoint works again",
    NoticeType.EXHAUSTED: "a delivery was given up and became a dead letter",
    NoticeType.JOB: "a job has finished, was stopped, or failed",
}
"""Meaning of each type of notice."""


def notice(code: str) -> str | None:
    """Return the text of a notice; None if the code is unknown."""
    return _TEXTS.get(code)
