"""A table is logged as behind when it is, and once."""

from __future__ import annotations

import pytest

from plaudit.kafka.errors import KafkaUnavailable
from plaudit.kafka.read.behind_logger import BEHIND_AFTER_S, BehindLogger

AWAY = KafkaUnavailable("read topic endpoints", "the broker has gone")


def test_a_failure_while_the_table_is_current_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = BehindLogger("endpoints", lambda: 100.0)
    logger.failed(AWAY, 100.0 - BEHIND_AFTER_S + 0.1)
    assert not caplog.records


def test_a_table_that_is_behind_is_logged_once_until_it_is_current_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = BehindLogger("endpoints", lambda: 100.0)
    for _ in range(3):
        logger.failed(AWAY, 100.0 - BEHIND_AFTER_S)
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    logger.is_current()
    logger.failed(AWAY, 90.0)
    assert [each.message for each in caplog.records] == ["table.behind"] * 2


def test_before_the_first_full_read_it_is_information(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    BehindLogger("endpoints").failed(AWAY, None)
    assert [each.levelname for each in caplog.records] == ["INFO"]
