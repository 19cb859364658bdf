"""The console that commands print tables and lines to: what others wrote is shown as it is.

Headers of records, answers of endpoints and names of workspaces come from outside. A terminal would
take control characters in them for commands, and rich its own markup.
"""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

from plaudit.cli.ui.output import plain


class PlainConsole(Console):
    """A console that shows control characters and markup instead of obeying them."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False)

    def render_str(self, text: str, **given: Any) -> Text:  # noqa: ANN401 - as rich has them
        """Return a text of ours or of others, to be shown: all that is printed comes by here."""
        return super().render_str(plain(text), **given)

    def print_value(self, value: str) -> None:
        """Print a JSON value on several lines."""
        self.print(json.dumps(json.loads(value), indent=2, ensure_ascii=False))
