"""Fixtures for pytest: `pytest_plugins = ["plaudit.publish.fixtures"]`."""

from __future__ import annotations

import pytest

from plaudit.publish.testing import RecordingAsyncPublisher, RecordingPublisher


@pytest.fixture
def publisher() -> RecordingPublisher:
    """A publisher that records events."""
    return RecordingPublisher()


@pytest.fixture
def async_publisher() -> RecordingAsyncPublisher:
    """An asyncio publisher that records events."""
    return RecordingAsyncPublisher()
