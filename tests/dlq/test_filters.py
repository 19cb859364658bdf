"""Filters say what they take, refuse what they can't mean, and choose exactly that."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlq.generate import ENDPOINTS, WORKSPACE
from plaudit.dlq.letters.filters import (
    FilterOptions,
    LetterFilter,
    LetterFilterRefused,
    Range,
    moment,
    parse,
    parse_range,
)
from plaudit.dlq.letters.letter import Letter
from plaudit.records.names import Header

NOW_MS = 1_764_000_000_000
DELIVERY = "11111111-1111-4111-8111-111111111111"
EVENT = "22222222-2222-4222-8222-222222222222"


def letter(dead_at_ms: int = NOW_MS, **given: str) -> Letter:
    named = {
        "ce_id": EVENT,
        "ce_type": "testimonial.approved",
        Header.WORKSPACE_ID: WORKSPACE,
        Header.ENDPOINT_ID: ENDPOINTS[0],
        Header.REASON: "exhausted",
        Header.ATTEMPT: "10",
        Header.REDRIVES: "1",
        Header.LAST_STATUS: "503",
        Header.LAST_ERROR: "Connection refused by peer",
        **{getattr(Header, name): value for name, value in given.items()},
    }
    headers = [(name, value.encode()) for name, value in named.items()]
    return Letter(DELIVERY.encode(), 0, 0, dead_at_ms, headers, b"")


@pytest.mark.parametrize(
    ("takes", "refuses"),
    [
        (FilterOptions(workspace=[WORKSPACE.upper()]), FilterOptions(workspace=[EVENT])),
        (FilterOptions(endpoint=[EVENT, ENDPOINTS[0]]), FilterOptions(endpoint=[ENDPOINTS[1]])),
        (FilterOptions(type=["testimonial.approved"]), FilterOptions(type=["form.completed"])),
        (FilterOptions(reason=["gone", "exhausted"]), FilterOptions(reason=["gone"])),
        (FilterOptions(status=["503"]), FilterOptions(status=["500"])),
        (FilterOptions(status=["none", "5xx"]), FilterOptions(status=["none", "4xx"])),
        (FilterOptions(since="1h"), FilterOptions(until="1h")),
        (FilterOptions(until="2999-01-01"), FilterOptions(since="2999-01-01")),
        (FilterOptions(attempts="3-"), FilterOptions(attempts="-9")),
        (FilterOptions(redrives="1"), FilterOptions(redrives="0")),
        (FilterOptions(ids=[DELIVERY.upper()]), FilterOptions(ids=[])),
        (FilterOptions(ids=[EVENT]), FilterOptions(ids=[WORKSPACE])),
        (FilterOptions(error="REFUSED"), FilterOptions(error="timed out")),
    ],
)
def test_each_option_chooses(takes: FilterOptions, refuses: FilterOptions) -> None:
    assert parse(takes, NOW_MS).takes(letter())
    assert not parse(refuses, NOW_MS).takes(letter())


def test_a_letter_has_to_match_every_option() -> None:
    both = FilterOptions(reason=["exhausted"], status=["5xx"])
    assert parse(both, NOW_MS).takes(letter())
    assert not parse(both, NOW_MS).takes(letter(LAST_STATUS="404"))


def test_without_options_every_letter_matches_with_a_notice() -> None:
    nothing = parse(FilterOptions(), NOW_MS)
    assert nothing.is_empty
    assert nothing.takes(Letter(b"", 0, 0, 0, [], b""))
    assert not parse(FilterOptions(error="x"), NOW_MS).is_empty


def test_times_are_half_open() -> None:
    assert LetterFilter(since_ms=1_000).takes(letter(1_000))
    assert not LetterFilter(since_ms=1_001).takes(letter(1_000))
    assert not LetterFilter(until_ms=1_000).takes(letter(1_000))


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        (FilterOptions(workspace=["7d9f"]), "--workspace"),
        (FilterOptions(endpoint=["mine"]), "--endpoint"),
        (FilterOptions(type=["testimonial.aproved"]), "--type"),
        (FilterOptions(reason=["No Reason"]), "--reason"),
        (FilterOptions(status=["600"]), "--status"),
        (FilterOptions(status=["²"]), "--status"),
        (FilterOptions(since="yesterday"), "--since"),
        (FilterOptions(until="99999-01-01"), "--until"),
        (FilterOptions(since="1h", until="2h"), "--since"),
        (FilterOptions(attempts="many"), "--attempts"),
        (FilterOptions(attempts="-"), "--attempts"),
        (FilterOptions(redrives="5-3"), "--redrives"),
        (FilterOptions(ids=["nothing"]), "--id"),
    ],
)
def test_an_impossible_value_is_refused_with_its_option(asked: FilterOptions, option: str) -> None:
    with pytest.raises(LetterFilterRefused) as caught:
        parse(asked, NOW_MS)
    assert caught.value.option == option
    assert str(caught.value).startswith(option)


def test_a_misspelt_type_is_offered_the_right_one() -> None:
    with pytest.raises(LetterFilterRefused, match=r"testimonial\.approved"):
        parse(FilterOptions(type=["testimonial.aproved"]), NOW_MS)


@pytest.mark.parametrize(
    ("reason", "said"),
    [("exhasted", "did you mean exhausted?"), ("slow", "known are address_refused,")],
)
def test_an_unknown_reason_is_refused_with_the_known_ones(reason: str, said: str) -> None:
    with pytest.raises(
        LetterFilterRefused, match=f"^--reason: '{reason}' is not a reason; "
    ) as caught:
        parse(FilterOptions(reason=[reason]), NOW_MS)
    assert said in str(caught.value)


@given(st.integers(0, 99_999), st.integers(0, 99_999), st.integers(0, 99_999))
def test_a_range_includes_both_of_its_ends(one: int, other: int, number: int) -> None:
    least, most = sorted((one, other))
    assert parse_range("x", f"{least}-{most}") == Range(least, most)
    assert Range(least, most).takes(number) == (least <= number <= most)
    assert parse_range("x", f"{least}-") == Range(least, None)
    assert parse_range("x", f"-{most}") == Range(None, most)
    assert parse_range("x", str(number)) == Range(number, number)


@given(st.text(max_size=12))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        found = parse_range("x", text)
    except LetterFilterRefused:
        return
    assert found is not None
    assert found.least is not None or found.most is not None


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(LetterFilterRefused):
        assert isinstance(moment("x", text, NOW_MS), int)


@given(st.integers(1, 999_999), st.sampled_from("smhd"))
def test_an_age_counts_back_from_now(count: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[unit]
    assert moment("x", f"{count}{unit}", NOW_MS) == NOW_MS - count * seconds * 1_000


def test_invalid_numbers_break_neither_a_filter_nor_a_list() -> None:
    odd = letter(ATTEMPT="many", LAST_STATUS="²", REDRIVES="9" * 5_000)
    assert (odd.attempts, odd.redrives, odd.summary()["last_status"]) == (0, 0, None)
    assert parse(FilterOptions(status=["none"], attempts="0"), NOW_MS).takes(odd)
