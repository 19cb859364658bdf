"""How deep JSON is nested, without reading it as JSON: parsers recurse, or remember each level."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 64
"""Levels; an event has six."""

# Possessive: a text of a megabyte is one step, whatever is escaped in it. What has no closing
# quote reaches to the end of the chunk, and a single backslash there belongs to the next one.
_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)(\\?)', re.DOTALL)
_OPENING: Final = frozenset(b"[{")
_NOT_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))


class TooDeep(ValueError):
    """JSON is nested too deep."""

    def __init__(self) -> None:
        super().__init__(f"nested more than {MOST} levels deep")


class Nesting:
    """Follows the brackets of a JSON text that comes in chunks.

    Attributes:
        depth: at the end of the last chunk.
        lowest: in the last chunk.
        divided: the last chunk has a bracket or a comma outside of texts.
        outside: what the last chunk has outside of texts.
        text_bytes: how long the text is that the last chunk ends in, at most; 0: it ends in none.
    """

    def __init__(self) -> None:
        self.depth = self.lowest = self.text_bytes = 0
        self.divided = False
        self.outside = self._escaped = b""

    def take(self, chunk: bytes) -> None:
        """Read on.

        Raises:
            TooDeep: there are too many levels.
        """
        was_open = self.text_bytes > 0
        parts = _TEXT.split(b'"' + self._escaped + chunk if was_open else chunk)
        outside = self.outside = b'"'.join(parts[::3])
        self._escaped = parts[-2] if len(parts) > 1 and not parts[-3] else b""
        if len(parts) == 1 or parts[-3]:
            self.text_bytes = 0
        elif was_open and len(parts) == 4:  # noqa: PLR2004 - it is the text that was open before
            self.text_bytes += len(chunk)
        else:
            self.text_bytes = len(chunk)
        self._count(outside.translate(None, _NOT_BRACKETS))
        self.divided = self.divided or b"," in outside

    def _count(self, brackets: bytes) -> None:
        depth = lowest = self.depth
        for each in brackets:
            if each in _OPENING:
                depth += 1
                if depth > MOST:
                    raise TooDeep
            else:
                depth -= 1
                lowest = min(lowest, depth)
        self.depth, self.lowest, self.divided = depth, lowest, bool(brackets)


def check_depth(text: bytes) -> None:
    """Check a whole JSON text.

    Raises:
        TooDeep: there are too many levels.
    """
    # So many opening brackets are needed for it, and few texts have them.
    if text.count(b"[") + text.count(b"{") > MOST:
        Nesting().take(text)
