"""One object as names and values, a line each. It starts without rich, which most commands omit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from plaudit.cli.ui.output import plain


def print_fields(shown: Mapping[str, Any]) -> None:
    """Print names and values, a line each; empty ones are left out."""
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        if text not in {None, ""}:
            sys.stdout.write(f"{name.replace('_', ' '):<{width}}  {plain(str(text))}\n")
