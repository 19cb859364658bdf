"""Ids as people write them: complete, or their first characters; or a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, NoReturn
from uuid import UUID

from plaudit.cli.ui.output import Exit, fail
from plaudit.records.suggestions import suggestion

_PREFIX: Final = re.compile(r"[0-9a-f]{4,8}|[0-9a-f]{8}-[0-9a-f-]{0,27}")
_MOST_LISTED: Final = 10
_LISTS: Final = {
    "endpoint": "see `plaudit endpoints list`",
    "delivery": "see `plaudit deliveries list`",
    "key": "see `plaudit keys list`",
    "event": "give its whole id",
    "job": "see `plaudit jobs list`",
    "workspace": "give its whole id",
}
"""Where the ids of each kind of object are found."""


class KnownObject(NamedTuple):
    """An object that an id or a name may mean.

    Attributes:
        id: its UUID.
        name: its name, if it has one.
        workspace_id: its owner, if that distinguishes it from others.
    """

    id: str
    name: str | None = None
    workspace_id: str | None = None


def whole_id(text: str) -> str | None:
    """Return a complete id in canonical form; None for any other text."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def id_prefix(text: str) -> str | None:
    """Return the first characters of an id in lower case; None for any other text."""
    lower = text.lower()
    return lower if _PREFIX.fullmatch(lower) else None


def id_range(prefix: str) -> tuple[str, str]:
    """Return the first and the last UUID that begin with a prefix."""
    digits = prefix.replace("-", "")
    return str(UUID(digits.ljust(32, "0"))), str(UUID(digits.ljust(32, "f")))


def resolve(text: str, what: str, known: Callable[[], Iterable[KnownObject]]) -> str:
    """Return the id that a text names; exit if it fits none or several.

    Args:
        text: an id, its first characters, or a name.
        what: kind of the object: `endpoint`, `delivery`, `key`, `event`, `job` or `workspace`.
        known: returns the objects; not called for a complete id.
    """
    whole = whole_id(text)
    if whole is not None:
        return whole
    candidates = list(known())
    named = [each for each in candidates if each.name == text]
    prefix = id_prefix(text)
    found = named or [each for each in candidates if prefix and each.id.startswith(prefix)]
    if not found:
        _refuse_unknown(text, what, candidates)
    if len(found) > 1:
        refuse_ambiguous(text, what, found)
    return found[0].id


def _refuse_unknown(text: str, what: str, candidates: Sequence[KnownObject]) -> NoReturn:
    names = [each.name for each in candidates if each.name is not None]
    close = suggestion(text, names) if names else ""
    hint = close if close.startswith("did you mean") else _LISTS[what]
    fail(f"{what} {text!r} does not exist; {hint}", Exit.USAGE)


def refuse_ambiguous(text: str, what: str, found: Sequence[KnownObject]) -> NoReturn:
    """Exit with the objects that a text may name."""
    listed = ", ".join(_shown(each) for each in found[:_MOST_LISTED])
    more = ", …" if len(found) > _MOST_LISTED else ""
    several = f"{what} {text!r} is ambiguous"
    same_name = len({each.name for each in found}) == 1 and found[0].name == text
    way_out = "add --workspace, or give the id" if same_name else "give more characters"
    fail(f"{several}: {listed}{more}; {way_out}", Exit.USAGE)


def _shown(known: KnownObject) -> str:
    name = f" ({known.name})" if known.name else ""
    owner = f" of workspace {known.workspace_id}" if known.workspace_id else ""
    return f"{known.id}{name}{owner}"
