"""Remedies speak to their reader: to operators of customers, and to customers of themselves."""

from __future__ import annotations

import pytest

from console.rig import Rig
from console.scene import paint
from console.test_signing_in import entered
from plaudit.console.views.advice import OPERATORS, for_subscribers
from plaudit.records.explanations import REASONS, STATUS_CLASSES, STATUSES

REMEDIES = sorted(
    {each.remedy for table in (REASONS, STATUSES, STATUS_CLASSES) for each in table.values()}
)


@pytest.mark.parametrize("remedy", REMEDIES)
def test_no_remedy_in_the_portal_speaks_of_the_customer_or_of_a_command(remedy: str) -> None:
    told = for_subscribers(remedy)
    assert not [word for word in ("customer", "plaudit", "PLAUDIT", "redrive") if word in told]
    assert bool(told) == bool(remedy)


def test_most_remedies_are_for_subscribers_too() -> None:
    told = [for_subscribers(each) for each in REMEDIES]
    assert told.count(OPERATORS) < len(told) / 2
    assert for_subscribers("Ask the customer for a new address.") == "Enter a new address."


def test_the_portal_tells_a_subscriber_what_to_do(console: Rig) -> None:
    ids = paint(console, per_hour=6)
    page = f"/deliveries/{ids['waiting']}"
    assert "Ask the customer for a new address." in console.browser().get(f"/console{page}")
    assert "Enter a new address." in entered(console).get(f"/portal{page}")
