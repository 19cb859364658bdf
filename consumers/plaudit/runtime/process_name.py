"""Name of this process, as it stands in logs and in attempt records."""

from __future__ import annotations

import os
import socket


def process_name() -> str:
    """Return host and process id, such as `worker-7f9c:12`."""
    return f"{socket.gethostname()}:{os.getpid()}"
