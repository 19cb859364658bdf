"""A failure that is repeated is logged once, until it changes or is over."""

from __future__ import annotations

import logging

import pytest

from plaudit.logs.once_logger import OnceLogger


def test_a_failure_is_logged_when_it_begins_and_when_it_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    once = OnceLogger(logging.getLogger("test"))
    for text in ("away", "away", "refused", "refused"):
        once.failed("relay.unavailable", OSError(text))
    assert [vars(each)["error"] for each in caplog.records] == ["away", "refused"]
    once.recovered()
    once.failed("relay.unavailable", OSError("refused"))
    assert len(caplog.records) == 3


def test_a_failure_of_the_same_kind_with_another_text_is_not_logged_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    once = OnceLogger(logging.getLogger("test"))
    for text in ("broker 1 is away", "broker 2 is away"):
        once.failed("relay.unavailable", OSError(text), kind="away", chore="relay")
    assert len(caplog.records) == 1
