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
    Break(
        "an outbox is counted while its brokers are away, so that its alert fires",
        "producers/plaudit/outbox/service.py",
        "        self._said.log_if_due(self.tally, self._count)\n        return",
        "        return",
        "tests/outbox/test_relay.py::test_rows_are_counted_while_a_batch_waits_for_the_brokers",
    ),
    Break(
        "a recorder whose brokers are away says so",
        "consumers/plaudit/recorder/health.py",
        "waits = recorder.trouble is not None or self._brokers.problem is not None",
        "waits = recorder.trouble is not None",
        "tests/recorder/test_health.py",
    ),
    Break(
        "a process with the key of another installation does not start",
        "consumers/plaudit/store/endpoints/key_use.py",
        "if not sealed or sealed.keys() & keys.ids:",
        "if sealed.keys():",
        "tests/cli/test_on_a_database.py",
    ),
    Break(
        "a workspace with slow endpoints leaves room in a lane with a bound",
        "consumers/plaudit/deliver/isolation/admission.py",
        "        if is_full:\n            most = 0",
        "        if is_full:\n            pass",
        "tests/deliver/test_workspace_backlog.py",
    ),
)
