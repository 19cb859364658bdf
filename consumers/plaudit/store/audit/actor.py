"""Actor of the current change: an API key, a session, a command's user, or the recorder."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class ActorKind(StrEnum):
    """Kinds of actors."""

    KEY = "key"
    SESSION = "session"
    COMMAND = "command"
    RECORDER = "recorder"


@dataclass(frozen=True, slots=True)
class Actor:
    """Actor of a change.

    Attributes:
        kind: kind of the actor.
        id: id of the key or the session, or name of the user.
        address: network address of the caller, or host of the process.
        name: name of the person or the key, which outlives the session and the key.
    """

    kind: ActorKind
    id: str
    address: str
    name: str | None = None


_CURRENT: ContextVar[Actor | None] = ContextVar("plaudit_actor", default=None)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Attribute the changes in this block to an actor; threads of a request inherit it."""
    token = _CURRENT.set(actor)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_actor() -> Actor:
    """Return the actor of this context; by default the user who runs this process."""
    return _CURRENT.get() or _user()


@cache
def _user() -> Actor:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"  # a container's user id may have no name
    return Actor(ActorKind.COMMAND, name, socket.gethostname())
