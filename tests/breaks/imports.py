"""Promises about imports: no row gets lost, and none is invented; see `promises`."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

IMPORTS: Final = (
    Break(
        "a quote that never closes costs its own row only",
        "producers/plaudit/importer/csv_rows.py",
        "        self._again.extendleft(reversed(rest))",
        "        self._again.extendleft(rest[:0])",
        "tests/importer/test_csv_rows.py",
    ),
    Break(
        "reading resumes at a complete row",
        "producers/plaudit/importer/csv_rows.py",
        "        return whole and self._is_clean(_text(source.taken)) is not None",
        "        return whole or self._is_clean(_text(source.taken)) is not None",
        "tests/importer/test_csv_rows.py",
    ),
    Break(
        "what the user set wins over a column",
        "producers/plaudit/importer/fields.py",
        "        if field in self.values:",
        "        if field in self.values and not self.columns:",
        "tests/importer/test_reviews.py",
    ),
    Break(
        "the list that looks like reviews is imported",
        "producers/plaudit/importer/json_lists.py",
        "    best = max(weights[each.prefix] for each in outer)",
        "    best = min(weights[each.prefix] for each in outer)",
        "tests/importer/test_json_lists.py",
    ),
    Break(
        "a zone in a time counts",
        "producers/plaudit/importer/times.py",
        "        return _in(found, zone_of(token[0]))",
        "        return _in(found, zone_of('UTC'))",
        "tests/importer/test_values.py",
    ),
    Break(
        "a number has one form in ids from content",
        "producers/plaudit/importer/content.py",
        '    return text.rstrip("0").rstrip(".") if "." in text else text',
        "    return text",
        "tests/importer/test_values.py",
    ),
    Break(
        "the numbers of an import add up",
        "producers/plaudit/importer/outcome.py",
        "        self.total = Counts(imported, self.rows - imported - self.failed, self.failed)",
        "        self.total = Counts(imported, self.known, self.failed)",
        "tests/importer/test_job.py",
    ),
)
