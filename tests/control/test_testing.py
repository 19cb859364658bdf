"""Examples of test sends: made once, and each send has its own copy."""

from __future__ import annotations

import pytest

from plaudit.control import testing
from plaudit.control.testing import sample
from plaudit.events.decoding import EventDecoder

WORKSPACE = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"


def test_a_server_makes_an_example_once_however_often_it_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    class Counted(EventDecoder):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(testing, "EventDecoder", Counted)
    samples = [sample(WORKSPACE, "testimonial.submitted") for _ in range(5)]
    assert len(made) <= 1
    assert len({each.event_id for each in samples}) == 5
    assert {each.workspace_id for each in samples} == {WORKSPACE}
