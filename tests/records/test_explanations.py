"""The table of explanations: every code that the pipeline can write has a row, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plaudit.deliver.isolation.head_of_line import Evicted
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Defect
from plaudit.events import decoding
from plaudit.records.explanations import (
    DEAD_DELIVERIES,
    DEAD_RECORDS,
    REASONS,
    STATUS_CLASSES,
    STATUSES,
    TRANSPORT,
    UNKNOWN,
    WAITING,
    ReasonExplanation,
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


@pytest.mark.tree
def test_every_reason_of_an_unreadable_record_is_explained() -> None:
    text = Path(decoding.__file__).read_text()
    found = set(re.findall(r'(?:reason = |unusable = |Undecodable\()"([a-z_]+)"', text))
    assert found
    assert found <= set(DEAD_RECORDS)


def test_every_status_is_explained() -> None:
    assert set(range(1, 6)) == set(STATUS_CLASSES)
    generic = {UNKNOWN, REASONS["status"]}
    assert [each for each in range(100, 600) if explain("status", each) in generic] == []
    assert explain(None, 503) == explain("status", 503)


def test_a_reason_wins_over_the_status_and_an_unknown_one_points_to_the_error() -> None:
    assert explain("rejected", 413) == DEAD_DELIVERIES["rejected"]
    assert explain("nonsense", 500) == explain("nonsense") == explain(None) == UNKNOWN


def test_an_exhausted_delivery_names_its_latest_answer_and_promises_no_retry() -> None:
    told = explain("exhausted", 503)
    assert told.what == explain("status", 503).what
    assert told.action == explain("exhausted").action
    assert "retried" not in told.action


def test_an_action_is_a_clause_on_a_line_and_a_sentence_on_a_page() -> None:
    assert explain("status", 404).remedy == "Ask the customer for a new address."
    assert explain("status", 404).line.endswith("; ask the customer for a new address")
    assert (explain("status", 200).remedy, explain("status", 200).line[-7:]) == ("", "webhook")


@pytest.mark.parametrize(
    "text", [*REASONS.values(), *STATUSES.values(), *STATUS_CLASSES.values(), UNKNOWN]
)
def test_texts_are_clauses_without_a_full_stop(text: ReasonExplanation) -> None:
    assert text.what
    assert not text.line.endswith(".")
    assert text.action[:1].islower() or not text.action
    assert not text.action.startswith("plaudit ")  # as a sentence, it would begin with a capital


def test_a_misspelled_name_is_answered_with_the_closest_or_else_all() -> None:
    assert suggestion("exhasted", DEAD_DELIVERIES) == "did you mean exhausted?"
    assert suggestion("zzz", ["b", "a"]) == "known are a, b"
