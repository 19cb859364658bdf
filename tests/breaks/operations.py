"""Promises to operators: due work is counted, and expiring letters are reported."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

OPERATIONS: Final = (
    Break(
        "a parked retry is not due, so no autoscaler starts a worker for it",
        "consumers/plaudit/control/scaling.py",
        "head.end if (place := younger.get(each)) is None else place.offset",
        "head.end if (place := younger.get(each)) is None else head.end",
        "tests/control/test_scaling.py",
    ),
    Break(
        "a dead letter that was treated raises no alert when it would expire",
        "consumers/plaudit/dlq/letters/ages.py",
        "                oldest_ms = self._oldest_letter(kind)",
        "                pass",
        "tests/dlq/test_ages.py",
    ),
    Break(
        "the heaviest workspaces are found among very many",
        "consumers/plaudit/deliver/telemetry/heavy_workspaces.py",
        "if count > median",
        "if count <= median",
        "tests/deliver/test_heavy_workspaces.py",
    ),
    Break(
        "exemplars of workers reach the scrape of their supervisor",
        "consumers/plaudit/deliver/process/aggregate.py",
        "sample.value, exemplar=sample.exemplar)",
        "sample.value)",
        "tests/deliver/test_supervisor.py",
    ),
)
