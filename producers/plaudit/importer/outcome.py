"""Result of an import: counts that add up to the rows of the file, and the faults of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from plaudit.importer.rows import Read

MOST_FAULTS: Final = 100
"""Maximum number of faults with lines of their own; a value's fault does not contain the value."""
FIRST_LINES: Final = 3


class Counts(NamedTuple):
    """Counts of an import, over all its runs; their sum is the number of rows.

    Attributes:
        imported: published by this import.
        skipped: known already, from another import or as a duplicate in the file, or left out.
        failed: rows that are not a valid review.
    """

    imported: int
    skipped: int
    failed: int


@dataclass
class Fault:
    """A fault, and the rows that have it.

    Attributes:
        reason: what is wrong.
        count: number of rows.
        lines: the first of them.
    """

    reason: str
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count a row."""
        self.count += 1
        if len(self.lines) < FIRST_LINES:
            self.lines.append(line)

    def describe(self, rows: int) -> str:
        """Return the fault in one line."""
        if self.count == rows > 1:
            return f"all {rows:,} rows: {self.reason}"
        shown = ", ".join(f"{line:,}" for line in self.lines)
        more = self.count - len(self.lines)
        if more:
            shown += f" and {more:,} more"
        return f"{'line' if self.count == 1 else 'lines'} {shown}: {self.reason}"


@dataclass
class Outcome:
    """Progress and result of an import.

    Attributes:
        import_id: id of this content with this mapping in this space.
        rows: rows read in this run.
        published: events acknowledged in this run.
        before: events acknowledged in earlier runs of this import.
        known: rows that another import has published.
        again: rows that repeat another row, or were imported by an earlier run.
        left_out: rows that the mapping leaves out.
        failed: rows that are not a valid review.
        faults: what is wrong with them.
        total: counts over all runs; None until the import is complete.
        repeated: whether an earlier run had completed the import.
        event: event of the first valid row in a dry run.
    """

    import_id: UUID
    rows: int = 0
    published: int = 0
    before: int = 0
    known: int = 0
    again: int = 0
    left_out: int = 0
    failed: int = 0
    faults: dict[str, Fault] = field(default_factory=dict)
    total: Counts | None = None
    repeated: bool = False
    event: dict[str, Any] | None = None

    @property
    def duplicates(self) -> int:
        """Rows that repeat another row of the file."""
        return max(0, self.again - self.before)

    @property
    def already(self) -> int:
        """Rows that an earlier run or another import has published."""
        return self.known + self.before

    def reject(self, row: Read, reason: str) -> None:
        """Count a rejected row."""
        self.failed += 1
        other = len(self.faults) >= MOST_FAULTS and reason not in self.faults
        reason = "other faults" if other else reason
        self.faults.setdefault(reason, Fault(reason)).add(row.line)

    def complete(self) -> Counts:
        """Return the counts over all runs."""
        imported = self.published + self.before
        self.total = Counts(imported, self.rows - imported - self.failed, self.failed)
        return self.total

    def report(self, most: int) -> Iterator[str]:
        """Yield the most frequent faults, each in one line."""
        faults = sorted(self.faults.values(), key=lambda each: (-each.count, each.lines))
        for each in faults[:most]:
            yield each.describe(self.rows)
        if rest := faults[most:]:
            yield f"{len(rest):,} more faults in {sum(each.count for each in rest):,} rows"
