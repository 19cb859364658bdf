"""A worker whose event loop SIGUSR1 blocks forever.

Python runs signal handlers in the main thread, which is the event loop's. While the handler sleeps,
no task runs, but the consumer threads, heartbeats and the watchdog do. The watchdog's time-out is
seconds instead of half a minute, so that a test does not wait.
"""

from __future__ import annotations

import signal
import sys
import time
from unittest.mock import patch

from plaudit.cli.main import main

PATIENCE_S = 3.0
FOR_GOOD_S = 600.0


def wedge(*_: object) -> None:
    """Block the thread that the event loop runs in."""
    time.sleep(FOR_GOOD_S)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, wedge)
    with patch("plaudit.deliver.worker.WEDGED_AFTER_S", PATIENCE_S):
        main(sys.argv[1:])
