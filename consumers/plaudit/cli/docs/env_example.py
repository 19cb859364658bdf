"""A commented `.env` file with every setting and its default, written from the settings classes.

`python -m plaudit.cli.docs.env_example > docs/plaudit.env`
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Final

from plaudit.cli.docs.reference import SETTINGS, fields

WIDTH: Final = 100
HEAD: Final = """\
# Every setting of Plaudit, with its default. Generated. Copy it to .env, and uncomment what you
# change.
# Environment variables override this file. Keep secrets in a secret store.
"""


def env_example() -> str:
    """Return the file's text."""
    return "\n".join([HEAD, *_lines()])


def _lines() -> Iterator[str]:
    for title, settings in SETTINGS.items():
        yield f"## {title}\n"
        for variable, default, meaning in fields(settings):
            yield textwrap.fill(
                meaning, WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False
            )
            yield f"#{variable}={default}\n"


if __name__ == "__main__":
    sys.stdout.write(env_example())
