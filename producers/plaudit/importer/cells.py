"""Cells of CSV files of bad rows: no spreadsheet takes one for a formula."""

from __future__ import annotations

import re
from typing import Final

LINE: Final = "plaudit_line"
REASON: Final = "plaudit_reason"
"""The columns that a file of bad rows has beside its own."""

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_NEUTRAL: Final = re.compile(r"'+[=+\-@\t\r]")


def neutral(cell: str) -> str:
    """Return a cell that spreadsheets take for text; `original` turns it back."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def original(cell: str) -> str:
    """Return what a cell was before `neutral`; what somebody wrote by hand stays."""
    return cell[1:] if _NEUTRAL.match(cell) else cell
