"""`python -m plaudit.events.generate`: generate all files from the schemas.

With `--check`, write nothing and exit with 1 when a file is out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from plaudit.events.generate.files import generated, stale

PACKAGE = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Write or check the generated files; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m plaudit.events.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    options = parser.parse_args(arguments)
    files = generated()
    differing = stale(PACKAGE, files)
    for path in differing:
        sys.stdout.write(f"{'differs' if options.check else 'written'}: {path}\n")
        if not options.check:
            _write(PACKAGE / path, files.get(path))
    return 1 if options.check and differing else 0


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
