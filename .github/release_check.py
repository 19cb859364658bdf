"""The check that a release tag, the project's version and the changelog agree.

Usage: `python3 .github/release_check.py v1.2.3`. Exits with 1 and one line when they do not.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]


def problem(tag: str, version: str, changelog: str) -> str | None:
    """Return why this tag can't be released, or None."""
    if tag != f"v{version}":
        return f"the tag is {tag}, but pyproject.toml has version {version}"
    section = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE
    )
    if section is None:
        return f"CHANGELOG.md has no dated section for {version}: add '## [{version}] - YYYY-MM-DD'"
    if not re.match(r"\s*(### \w+\s+)?- \S", changelog[section.end() :]):
        return f"CHANGELOG.md says nothing about {version}: add what changed for users"
    return None


def main() -> None:
    """Compare, and exit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = problem(sys.argv[1], project["version"], changelog)
    if found is not None:
        sys.exit(found)


if __name__ == "__main__":
    main()
