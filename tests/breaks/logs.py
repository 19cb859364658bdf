"""Promises about the log, and about jobs that run over outages."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

LOGS: Final = (
    Break(
        "log: libraries add no lines of their own",
        "consumers/plaudit/runtime/logging.py",
        "for name in _CHATTY:",
        "for name in ():",
        "tests/runtime/test_logging.py",
    ),
    Break(
        "log: every line of a worker names it",
        "consumers/plaudit/runtime/logging.py",
        'line["worker"] = self._worker',
        'line["process"] = self._worker',
        "tests/runtime/test_logging.py",
    ),
    Break(
        "log: a repeated failure is one line",
        "schemas/plaudit/logs/once_logger.py",
        "            self._kind = kind\n",
        "            pass\n",
        "tests/logs/test_once_logger.py",
    ),
    Break(
        "log: a commit that a rebalance overtook is not a warning",
        "producers/plaudit/kafka/read/reading_errors.py",
        "if failure.code in REBALANCING:",
        "if failure.code in ():",
        "tests/deliver/test_commits.py",
    ),
    Break(
        "log: partitions of a rebalance are ranges",
        "producers/plaudit/kafka/types.py",
        "if runs and number == runs[-1][-1] + 1:",
        "if runs and number == 0:",
        "tests/kafka/test_spans.py",
    ),
    Break(
        "a job that outages hit again and again ends",
        "consumers/plaudit/dlq/job/takeover.py",
        "            if not left:\n",
        "            if left < 0:\n",
        "tests/dlq/test_takeover.py",
    ),
    Break(
        "a job that was fenced reports it",
        "consumers/plaudit/dlq/job/takeover.py",
        "            report.stopped = FENCED\n",
        "            pass\n",
        "tests/dlq/test_takeover.py",
    ),
)
