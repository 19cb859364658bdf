"""A `plaudit deliver` whose event loop can be made to hang: SIGUSR1 blocks it for good.

Python runs a signal's handler in the main thread, which here is the event loop's: while it sleeps
no task runs, but the sources' threads, heartbeats and the watchdog do. The watchdog's patience is
cut from half a minute to seconds, so that a test needn't wait.
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
