"""Console for tables and lines, which prints foreign text literally.

Record headers, responses of endpoints and names of workspaces come from outside. A terminal would
interpret control characters in them as commands, and rich its own markup.
"""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

from plaudit.cli.ui.output import plain


class PlainConsole(Console):
    """A console that shows control characters and markup instead of interpreting them."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False)

    def render_str(self, text: str, **given: Any) -> Text:  # noqa: ANN401 - as rich has them
        """Return printable text; all output passes through here."""
        return super().render_str(plain(text), **given)

    def print_value(self, value: str) -> None:
        """Print a JSON value on several lines."""
        self.print(json.dumps(json.loads(value), indent=2, ensure_ascii=False))
