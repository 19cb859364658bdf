"""Nesting depth of JSON, measured without parsing: parsers recurse, or allocate for each level."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 64
"""Maximum number of levels; an event has six."""

# Possessive: a text of a megabyte is one step, whatever it escapes. A text without a closing
# quote reaches to the end of the chunk, and a single backslash there belongs to the next chunk.
_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)(\\?)', re.DOTALL)
_OPENING: Final = frozenset(b"[{")
_NOT_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))


class TooDeep(ValueError):
    """JSON is nested too deeply."""

    def __init__(self) -> None:
        super().__init__(f"nested more than {MOST} levels deep")


class Nesting:
    """Tracks the brackets of a JSON text that arrives in chunks.

    Attributes:
        depth: nesting at the end of the last chunk.
        lowest: lowest nesting in the last chunk.
        divided: whether the last chunk has a bracket or a comma outside of texts.
        outside: characters of the last chunk outside of texts.
        text_bytes: upper bound for the length of the text in which the last chunk ends; 0 if it
            ends
            outside of texts.
    """

    def __init__(self) -> None:
        self.depth = self.lowest = self.text_bytes = 0
        self.divided = False
        self.outside = self._escaped = b""

    def take(self, chunk: bytes) -> None:
        """Process a chunk.

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
    # A text that is too deep has at least this many opening brackets, and few texts do.
    if text.count(b"[") + text.count(b"{") > MOST:
        Nesting().take(text)
