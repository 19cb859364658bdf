"""Writing out Python source: lines, blocks, and variables that are used once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_DEEPEST_LOOPS: Final = 8  # of two blocks each; Python compiles up to 20 nested blocks


class Code:
    """The body of one function, as it grows."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 1
        self._variables = 0
        self._loops = 0

    @property
    def text(self) -> str:
        """The lines, indented."""
        return "\n".join(self._lines)

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    def _variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def _assign(self, expression: str) -> str:
        """Assign an expression, with what may follow it on its line; return the variable."""
        variable = self._variable()
        self._line(f"{variable} = {expression}")
        return variable

    def _declare(self, annotation: str) -> str:
        """Annotate a variable, with the value that it may begin with; return it."""
        variable = self._variable()
        self._line(f"{variable}: {annotation}")
        return variable

    def _assign_pair(self, expression: str) -> str:
        """Assign a value and the offset behind it; return the value's variable."""
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
        """Loop over the items of all blocks of an array or a map.

        Raises:
            Exception: `too_deep`, when there are more loops in each other than Python compiles.
        """
        if self._loops == _DEEPEST_LOOPS:
            raise too_deep
        self._loops += 1
        count = self._variable()
        with self._block("while n := b[i]:"):
            # The lowest bit is the sign, the highest says that more bytes follow.
            with self._block("if n & 129:"):
                self._line(f"{count}, i = block_at(b, i)")
            with self._block("else:"):
                self._line(f"{count} = n >> 1; i += 1")
            with self._block(f"for _ in range({count}):"):
                yield
        self._loops -= 1
