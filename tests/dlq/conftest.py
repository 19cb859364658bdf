"""Topics of dead letters."""

from __future__ import annotations

import pytest

from conftest import FEW
from plaudit.kafka.declaration import Section, declared
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.topics import Admin, apply

NEEDED = {Section.DEAD_LETTERS, Section.SCHEMAS}


@pytest.fixture
def topics(settings: KafkaSettings) -> KafkaSettings:
    """The topics of dead letters and of schemas; the settings to use them."""
    specs = declared(settings, single_node=True, partitions=FEW)
    applied = apply(Admin(settings), [each for each in specs if each.section in NEEDED])
    assert applied.ok, applied.findings
    return settings
