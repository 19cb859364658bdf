"""Promises of jobs, of the audit log and of searches in the delivery log; see `promises`."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

CONSOLE_DATA: Final = (
    Break(
        "jobs of one lane run one after the other",
        "consumers/plaudit/store/jobs/queue.py",
        "for row in found if row.lane not in running), None)",
        "for row in found if row.job_id), None)",
        "tests/store/test_jobs.py",
    ),
    Break(
        "a runner that lost its lease stops its job",
        "consumers/plaudit/store/jobs/queue.py",
        "            if before.owner != self._owner:",
        "            if before.owner is None:",
        "tests/store/test_jobs.py",
    ),
    Break(
        "the audit log keeps only the fields that differ",
        "consumers/plaudit/store/audit/record.py",
        "if before.get(name) != after.get(name)}",
        "if name}",
        "tests/store/test_audit.py",
    ),
    Break(
        "rows of an earlier release are found before they have kinds",
        "consumers/plaudit/store/log/search.py",
        "    return not has_old_rows(connection)",
        "    return True",
        "tests/store/test_plans.py",
    ),
    Break(
        "a retried delivery is pending no longer",
        "consumers/plaudit/store/log/writer.py",
        "    connection.exec_driver_sql(_FOLLOW, (before,))",
        "    before += 0",
        "tests/store/test_plans.py",
    ),
    Break(
        "a dead letter of another workspace is not found",
        "consumers/plaudit/control/dead_letters.py",
        "    return workspace_id is None or letter.text(Header.WORKSPACE_ID) == workspace_id",
        "    return workspace_id is None or bool(letter.text(Header.WORKSPACE_ID))",
        "tests/api/test_jobs.py",
    ),
    Break(
        "dead letters are removed only after their number was typed",
        "consumers/plaudit/console/pages/jobs.py",
        "        if typed != str(job.chosen):",
        "        if not typed:",
        "tests/console/test_dead_letters.py",
    ),
    Break(
        "a dry run reports how many records it found",
        "consumers/plaudit/jobs/work.py",
        '            control.listener.began(sum(each.get("chosen", 0) for each in done))',
        "            control.listener.began(0)",
        "tests/jobs/test_runner.py",
    ),
    Break(
        "a preview applies the filter of the form",
        "consumers/plaudit/control/recent_events.py",
        "        elif wants is not None and not wants(event.data):",
        "        elif wants is None:",
        "tests/console/test_preview.py",
    ),
)
