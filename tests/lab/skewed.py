"""A worker whose clock is wrong by the seconds in `LAB_SKEW_S`."""

from __future__ import annotations

import os
import sys
import time
from unittest.mock import patch

if __name__ == "__main__":
    real, off_s = time.time, float(os.environ["LAB_SKEW_S"])
    with patch("time.time", lambda: real() + off_s):
        # Only now: what takes the clock as a default takes the wrong one.
        from plaudit.cli.main import main

        main(sys.argv[1:])
