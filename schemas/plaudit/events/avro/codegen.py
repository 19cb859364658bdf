"""Python source emitter: lines, blocks, and single-use variables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_DEEPEST_LOOPS: Final = 8  # Each loop is two blocks, and Python compiles up to 20 nested blocks.


class Code:
    """Source of one function under construction."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 1
        self._variables = 0
        self._loops = 0

    @property
    def text(self) -> str:
        """The lines with their indentation."""
        return "\n".join(self._lines)

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    def _variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def _assign(self, expression: str) -> str:
        """Assign an expression, optionally followed by more code; return the variable."""
        variable = self._variable()
        self._line(f"{variable} = {expression}")
        return variable

    def _declare(self, annotation: str) -> str:
        """Annotate a variable, optionally with an initial value; return the variable."""
        variable = self._variable()
        self._line(f"{variable}: {annotation}")
        return variable

    def _assign_pair(self, expression: str) -> str:
        """Assign a value and the offset after it; return the value's variable."""
        variable = self._variable()
        self._line(f"{variable}, i = {expression}")
        return variable

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._line(head)
        self._depth += 1
        yield
        self._depth -= 1

    @contextmanager
    def _blocks(self, too_deep: Exception) -> Iterator[None]:
        """Emit a loop over the items of all blocks of an array or a map.

        Raises:
            Exception: `too_deep`, when loops are nested deeper than Python compiles.
        """
        if self._loops == _DEEPEST_LOOPS:
            raise too_deep
        self._loops += 1
        count = self._variable()
        with self._block("while n := b[i]:"):
            # The lowest bit is the sign; the highest bit means that more bytes follow.
            with self._block("if n & 129:"):
                self._line(f"{count}, i = block_at(b, i)")
            with self._block("else:"):
                self._line(f"{count} = n >> 1; i += 1")
            with self._block(f"for _ in range({count}):"):
                yield
        self._loops -= 1
