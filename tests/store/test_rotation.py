"""Rotations of an endpoint's secret, without a database: which secrets sign, and until when."""

from __future__ import annotations

import pytest

from plaudit.endpoints.signing import Secret, Signer, new_secret
from plaudit.store.endpoints.spec import InputRefused
from plaudit.store.endpoints.transitions import MOST_SECRETS, rotated_secrets

HOUR_MS = 3_600_000
NOW_MS = 1_800_000_000_000


def rotate(secrets: list[Secret], now_ms: int, overlap_ms: int) -> list[Secret]:
    """Return the secrets after a rotation."""
    return rotated_secrets(secrets, new_secret(), now_ms, overlap_ms)


def test_a_second_rotation_keeps_every_secret_that_still_overlaps() -> None:
    first = [Secret(new_secret())]
    second = rotate(first, NOW_MS, 24 * HOUR_MS)
    third = rotate(second, NOW_MS + HOUR_MS, 24 * HOUR_MS)
    assert [each.text for each in third][1:] == [second[0].text, first[0].text]
    assert len(Signer(third).sign("id", NOW_MS // 1_000 + 2 * 3_600, b"").split()) == 3


@pytest.mark.parametrize("overlap_ms", [0, 5_000, 48 * HOUR_MS])
def test_a_rotation_never_changes_the_end_that_an_earlier_one_promised(overlap_ms: int) -> None:
    second = rotate([Secret(new_secret())], NOW_MS, 24 * HOUR_MS)
    third = rotate(second, NOW_MS + 1, overlap_ms)
    assert third[-1] == second[-1]


def test_a_secret_whose_overlap_has_ended_is_dropped() -> None:
    first = [Secret(new_secret())]
    second = rotate(first, NOW_MS, HOUR_MS)
    third = rotate(second, NOW_MS + HOUR_MS, HOUR_MS)
    assert first[0].text not in {each.text for each in third}


def test_without_an_overlap_the_replaced_secret_stops_at_once() -> None:
    assert len(rotate([Secret(new_secret())], NOW_MS, 0)) == 1


def test_one_rotation_too_many_is_refused_with_the_time_when_it_works() -> None:
    secrets = [Secret(new_secret())]
    for minute in range(MOST_SECRETS - 1):
        secrets = rotate(secrets, NOW_MS + minute * 60_000, HOUR_MS)
    assert len(secrets) == MOST_SECRETS
    with pytest.raises(InputRefused, match=r"5 secrets .* ends at 2027-01-15T09:00:00"):
        rotate(secrets, NOW_MS + 10 * 60_000, HOUR_MS)
    assert len(rotate(secrets, NOW_MS + HOUR_MS, HOUR_MS)) == MOST_SECRETS
