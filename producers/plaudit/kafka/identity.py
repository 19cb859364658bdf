"""The `client.id` of this process: role, host and process id."""

from __future__ import annotations

import os
import re
import socket
from typing import Final

_ROLE: Final = re.compile(r"[^a-z-]")
_HOST: Final = re.compile(r"[^A-Za-z0-9._-]")
_role = ["client"]


def set_role(role: str) -> None:
    """Set the role of this process, such as `deliver`."""
    _role[0] = _ROLE.sub("", role) or "client"


def client_id() -> str:
    """Return the default `client.id`, such as `plaudit-deliver-web-1-4711`."""
    host = _HOST.sub("-", socket.gethostname())
    return f"plaudit-{_role[0]}-{host}-{os.getpid()}"
