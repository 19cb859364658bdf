"""Formula protection for CSV files of rejected rows: spreadsheets must not run a cell."""

from __future__ import annotations

import re
from typing import Final

LINE: Final = "plaudit_line"
REASON: Final = "plaudit_reason"
"""Columns that a file of rejected rows adds to the original columns."""

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_NEUTRAL: Final = re.compile(r"'+[=+\-@\t\r]")


def neutral(cell: str) -> str:
    """Return the cell in a form that spreadsheets treat as text; `original` reverses it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def original(cell: str) -> str:
    """Return the cell before `neutral`; a cell that a person typed is left unchanged."""
    return cell[1:] if _NEUTRAL.match(cell) else cell
