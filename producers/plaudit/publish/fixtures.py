"""Fixtures for pytest: `pytest_plugins = ["plaudit.publish.fixtures"]`."""

from __future__ import annotations

import pytest

from plaudit.publish.testing import RecordingAsyncPublisher, RecordingPublisher


@pytest.fixture
def publisher() -> RecordingPublisher:
    """A publisher that keeps what is published."""
    return RecordingPublisher()


@pytest.fixture
def async_publisher() -> RecordingAsyncPublisher:
    """A publisher for asyncio that keeps what is published."""
    return RecordingAsyncPublisher()
