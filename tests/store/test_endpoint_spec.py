"""Endpoints as callers ask for them: what is refused, and in which words."""

from __future__ import annotations

import pytest

from plaudit.store.endpoints.spec import EndpointSpec, InputRefused, Rules, validated
from plaudit.transport.addresses import AddressPolicy

URL = "https://hooks.example.com/plaudit"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (EndpointSpec(URL, rate_limit=20_000), "rate_limit: must be over 0 and .*, not 20000"),
        (
            EndpointSpec(URL, headers={f"x-{number}": "1" for number in range(21)}),
            "headers: must be at most 20, not 21",
        ),
    ],
)
def test_a_refused_number_is_repeated(wanted: EndpointSpec, said: str) -> None:
    with pytest.raises(InputRefused, match=said):
        validated(wanted, Rules(AddressPolicy(()), ()))
