"""Break one promise after another, and see that a test notices; `make breaks`, ARGS="-k commit".

It works in a copy of the tree. First, the named tests must pass without a change. It exits with 0
if the tests noticed every break, with 1 if they missed one, and with 2 if the tests can't run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from breaks.one_line import Break
from breaks.promises import BREAKS
from plaudit.dev.kafka import LocalKafka

TREE: Final = Path(__file__).parents[2]
COPIED: Final = ("schemas", "producers", "consumers", "tests", "pyproject.toml")
SOURCES: Final = ("schemas", "producers", "consumers")
PASSED, FAILED = 0, 1
"""Exit codes of pytest; any other means that it could not run the tests."""


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(prog="make breaks ARGS=…", description=__doc__)
    parser.add_argument("-k", dest="word", default="", help="only promises with this word")
    word = parser.parse_args().word
    chosen = [each for each in BREAKS if word in each.promise]
    if not chosen:
        print(f"no promise has the word {word!r} in it", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="plaudit-breaks-") as folder, LocalKafka() as kafka:
        copy = Path(folder)
        for name in COPIED:
            _copy(TREE / name, copy / name)
        environment = _environment(copy, kafka.bootstrap)
        tests = sorted({each.tests for each in chosen})
        print(f"unbroken: {len(tests)} selections of tests …", flush=True)
        if _pytest(tests, copy, environment) != PASSED:
            print("the tests fail on the tree as it is: put that right first", file=sys.stderr)
            return 2
        missed = [each for each in chosen if not _noticed(each, copy, environment)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} breaks were noticed")
    return 1 if missed else 0


def _noticed(each: Break, copy: Path, environment: dict[str, str]) -> bool:
    """Break one promise in the copy, run its tests, and mend it."""
    file, began = copy / each.file, time.monotonic()
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole.replace(each.old, each.new), encoding="utf-8")
    code = _pytest([each.tests], copy, environment)
    file.write_text(whole, encoding="utf-8")
    said = {PASSED: "MISSED", FAILED: "noticed"}.get(code, f"MISSED (pytest ended with {code})")
    took_s = time.monotonic() - began
    print(f"{said:8} {took_s:5.1f} s  not so: {each.promise}  [{each.tests}]", flush=True)
    return code == FAILED


def _pytest(tests: Sequence[str], copy: Path, environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False)
    if done.returncode not in {PASSED, FAILED}:
        sys.stderr.write(done.stdout.decode() + done.stderr.decode())
    return done.returncode


def _environment(copy: Path, bootstrap: str) -> dict[str, str]:
    """Return where the copy's own code is found before what is installed, and a broker for all."""
    path = os.pathsep.join(str(copy / name) for name in SOURCES)
    ours = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PLAUDIT_TEST_KAFKA": bootstrap}
    return {**os.environ, **ours}


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


if __name__ == "__main__":
    sys.exit(main())
