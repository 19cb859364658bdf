"""Time zones of imported files."""

from __future__ import annotations

import os
import subprocess
import sys


def test_zones_are_known_on_a_machine_without_files_of_zones() -> None:
    program = "from plaudit.importer.times import zone_of; print(zone_of('Europe/Berlin'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Europe/Berlin\n"), done.stderr
