"""Search with atheris, guided by coverage, for bytes that make our code raise: `make fuzz`.

    python -m fuzz.run records --seconds 600

Inputs that reach new code are kept in `build/fuzz`, and the next run starts from them. Inputs that
raise are written beside them: add them to `seeds` once the defect is fixed.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

FOUND: Final = Path(__file__).parents[2] / "build" / "fuzz"
SEEDS: Final = Path(__file__).parent / "seeds"
LONGEST: Final = 4_096
NAMES: Final = ("answers", "records", "bodies", "imports", "letters", "filters", "endpoints")


def main() -> int:
    """Run one target; libFuzzer ends the process, with 77 after a defect."""
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=…", description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    try:
        atheris = import_module("atheris")  # not for every platform, and without types
    except ImportError:
        print("atheris is not installed here; `make fuzz` installs it where it has a wheel")
        return 2
    with atheris.instrument_imports(include=["plaudit"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented while it is imported
    corpus = FOUND / given.target
    corpus.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={given.seconds}",
        f"-max_len={LONGEST}",
        "-timeout=10",
        "-rss_limit_mb=1024",
        f"-artifact_prefix={corpus}-",
    ]
    atheris.Setup(
        [sys.argv[0], *options, str(corpus), str(SEEDS / given.target)], TARGETS[given.target]
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
