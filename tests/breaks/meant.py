"""Promises that commands, API and settings do what people meant."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

MEANT: Final = (
    Break(
        "a rotation never ends the overlap that an earlier one promised",
        "consumers/plaudit/store/endpoints/transitions.py",
        "each for each in former if each.expires_at_ms is None or each.expires_at_ms > now_ms",
        "each for each in former[:0]",
        "tests/store/test_rotation.py",
    ),
    Break(
        "a retry of a selection leaves out what was delivered",
        "consumers/plaudit/control/retry.py",
        "wanted = query if query.state is not None else replace(query, unfinished=True)",
        "wanted = replace(query)",
        "tests/api/test_meant.py",
    ),
    Break(
        "a redrive that leaves letters behind exits with 1",
        "consumers/plaudit/cli/dlq/job_runner.py",
        "if any(each.skipped for each in reports) and not manner.dry_run:",
        "if any(each.skipped and not each.chosen for each in reports):",
        "tests/dlq/test_redrive.py",
    ),
    Break(
        "a test send is marked",
        "consumers/plaudit/deliver/pipeline/attempt.py",
        'return _TEST if trigger is _IS_TEST else b""',
        'return b""',
        "tests/api/test_meant.py",
    ),
    Break(
        "an outbox in autocommit is refused",
        "producers/plaudit/outbox/insertion.py",
        "return not driver.in_transaction",
        "return False",
        "tests/outbox/test_autocommit.py",
    ),
    Break(
        "a missing topic is called missing",
        "producers/plaudit/kafka/write/missing_topic.py",
        "return TopicMissing(topic, failure.code) if failure.code in _CODES else failure",
        "return failure",
        "tests/publish/test_missing_topic.py",
    ),
    Break(
        "variables that Kubernetes makes from names of Services are not settings",
        "producers/plaudit/kafka/service_links.py",
        "if _NAMED.fullmatch(name):",
        "if not name:",
        "tests/kafka/test_environment.py",
    ),
)
