"""The API, fuzzed from its own description: nothing that comes in is a defect of ours."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from api.conftest import Installation

pytestmark = pytest.mark.broker

EXAMPLES = 10
MANY = 400


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_is_answered_with_a_server_error(
    api: Installation, mode: GenerationMode
) -> None:
    fuzz_all(api, mode, EXAMPLES)


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_thousands_of_requests_cause_no_server_error(
    api: Installation, mode: GenerationMode
) -> None:
    fuzz_all(api, mode, MANY)


def fuzz_all(api: Installation, mode: GenerationMode, examples: int) -> None:
    """Send this many requests to each route."""
    described = schemathesis.openapi.from_url(f"{api.client.base_url}/v1/openapi.json")
    tried = 0
    for found in described.get_all_operations():
        assert isinstance(found, Ok), "a route that does not describe itself"
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def fuzz(case: Any) -> None:
            response = case.call(headers=api.write, session=None)
            assert response.status_code < 500, (case.method, case.path, response.text)

        fuzz()
        tried += 1
    assert tried > 15
