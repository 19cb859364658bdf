"""Remedies for the people of a workspace, who are the customers that the others speak of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

OPERATORS: Final = "Ask the people who run this service."
_WORDS: Final[Sequence[tuple[str, str]]] = (
    (r"ask the customer for (?=a new|the right)", "enter "),
    (r"ask the customer whether", "check whether"),
    (r"ask the customer to ", ""),
    (r"; ask the customer(?=[.;]|$)", "; ask the people who run it"),
    (r"send the answer to the customer", "look for the answer in the log of your server"),
    (r"if the customer still wants", "if you still want"),
    (r" \(plaudit [^)]*\)|; or purge it|, or allow the network in \w+| or add workers", ""),
    (r"addresses of the workers", "addresses of this service"),
    (r", then redrive(?=\.)", ", then send it again"),
)
_OF_OPERATORS: Final = re.compile(
    r"plaudit |PLAUDIT_|the log's|purge|deploy|workers", re.IGNORECASE
)
"""What only operators can do or know."""


def for_subscribers(remedy: str) -> str:
    """Return a remedy as people of the workspace read it."""
    for pattern, words in _WORDS:
        remedy = re.sub(pattern, words, remedy, flags=re.IGNORECASE)
    if _OF_OPERATORS.search(remedy):
        return OPERATORS
    return f"{remedy[:1].upper()}{remedy[1:]}"
