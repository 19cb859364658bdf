"""Header values stay with the host that they were given for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plaudit.store.endpoints.header_protection import dropped_headers, without_headers_of
from plaudit.store.endpoints.spec import EndpointSpec

SECRETS = {"authorization": "Bearer secret", "x-b": "1"}
BEFORE = EndpointSpec("https://hooks.example.com/a", headers=SECRETS)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/b?c=d",
        "https://HOOKS.example.com/a",
        "https://hooks.example.com:443/a",
    ],
)
def test_another_path_of_the_same_host_keeps_them(url: str) -> None:
    changed = replace(BEFORE, url=url)
    assert without_headers_of(BEFORE, changed) == changed
    assert dropped_headers(BEFORE, changed) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/a",
        "https://hooks.example.com.evil.example/a",
        "https://hooks.example.com@evil.example/a",
        "https://hooks.example.com:8443/a",
        "http://hooks.example.com/a",
        "https://[",
    ],
)
def test_another_host_port_or_scheme_drops_them_with_a_warning(url: str) -> None:
    changed = without_headers_of(BEFORE, replace(BEFORE, url=url))
    assert changed.headers == {}
    [warning] = dropped_headers(BEFORE, changed)
    assert "authorization, x-b" in warning
    assert "secret" not in warning
