"""The table of explanations: every code that the pipeline can write has a row, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from plaudit.deliver.isolation.head_of_line import Evicted
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Defect
from plaudit.events import decoding
from plaudit.records.explanations import (
    DEAD_DELIVERIES,
    DEAD_RECORDS,
    TRANSPORT,
    WAITING,
    explain,
)
from plaudit.records.suggestions import suggestion
from plaudit.transport.errors import TransportError


def codes(kind: type[TransportError]) -> set[str]:
    """Return the codes of a class of errors and of all classes below it."""
    return {kind.code}.union(*(codes(each) for each in kind.__subclasses__()))


def test_every_reason_of_a_delivery_is_explained_and_no_other() -> None:
    assert set(Reason) == set(WAITING) | set(DEAD_DELIVERIES)


def test_every_transport_error_is_explained_and_no_other() -> None:
    assert codes(TransportError) | {Evicted.code, Defect.code} == {*TRANSPORT, Reason.DEFECT}


def test_every_reason_of_an_unreadable_record_is_explained() -> None:
    text = Path(decoding.__file__).read_text()
    found = set(re.findall(r'(?:reason = |unusable = |Undecodable\()"([a-z_]+)"', text))
    assert found
    assert found <= set(DEAD_RECORDS)


def test_every_status_is_explained() -> None:
    assert [status for status in range(100, 600) if explain("status", status) is None] == []
    assert explain(None, 503) == explain("status", 503)


def test_a_reason_wins_over_the_status_and_an_unknown_one_has_no_text() -> None:
    assert explain("exhausted", 500) == DEAD_DELIVERIES["exhausted"]
    assert explain("nonsense") is None
    assert explain(None) is None


def test_a_misspelled_name_gets_the_closest_or_else_all() -> None:
    assert suggestion("exhasted", DEAD_DELIVERIES) == "did you mean exhausted?"
    assert suggestion("zzz", ["b", "a"]) == "known are a, b"
