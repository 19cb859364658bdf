"""`Retry-After` is read in every form of HTTP, and no value of it raises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deliver.test_fuzz import outcome_of
from deliver.world import answer
from plaudit.deliver.model.retry_after import parse_retry_after, retry_after_ms
from plaudit.transport.answer import Answer
from transport.altered import altered

NOW = datetime(2026, 10, 21, 7, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1_000)
HALF_AN_HOUR_MS = 1_800_000


@pytest.mark.parametrize(
    "value",
    [
        "1800",
        " 1800\t",
        "Wed, 21 Oct 2026 07:30:00 GMT",
        "Wed, 21 Oct 2026 07:30:00 UTC",
        "wed, 21 oct 2026 07:30:00 gmt",
        "21 Oct 2026 07:30:00 GMT",
        "Wed, 21 Oct 2026 07:30 GMT",
        "Wed, 21 Oct 2026 09:30:00 +0200",
        "Wed, 21 Oct 2026 00:00:00 -0730",
        "Wednesday, 21-Oct-26 07:30:00 GMT",
        "Wed Oct 21 07:30:00 2026",
        "Wed, 21 Oct 2026 07:29:60 GMT",
    ],
)
def test_seconds_and_every_form_of_a_date_are_read(value: str) -> None:
    assert parse_retry_after(value, NOW_MS) == HALF_AN_HOUR_MS


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-1",
        "1.5",
        "1_000",
        "\u0661\u0662\u0660",
        "Mon, 20 Nov 9999999999 12:00:00 +0000",
        "Mon, 99999999999 Jan 2024 00:00:00 GMT",
        "Wed, 21 Oct 2026 07:28:00 +99999999999999999999",
        "Wed, 21 Oct 2026 99999999999:28:00 GMT",
        "Fri, 30 Feb 2027 07:30:00 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Wed, 21 Okt 2026 07:30:00 GMT",
        "Wed, 21 Oct 2026 25:30:00 GMT",
        "Wed, 21 Oct 2026 07:30:00 XYZ",
        "Wed, 21 Oct 2020 07:30:00 GMT",
    ],
)
def test_an_invalid_or_past_retry_after_is_ignored(value: str) -> None:
    assert parse_retry_after(value, NOW_MS) == 0


def test_a_two_digit_year_belongs_to_the_nearest_century() -> None:
    assert parse_retry_after("Friday, 21-Oct-50 07:30:00 GMT", NOW_MS) > 0
    assert parse_retry_after("Thursday, 21-Oct-99 07:30:00 GMT", NOW_MS) == 0


@given(st.integers(0, 10**9))
def test_a_date_from_the_standard_library_is_read_correctly(seconds: int) -> None:
    text = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(text, NOW_MS) == seconds * 1_000


DATES = ["Wed", "Wednesday", ",", "Oct", "21", "2026", "26", "07:30:00", "GMT", "+0000", "-", ":"]
ODD = ["9999999999", "+", "0", "9", "\t", "é", "\u0661"]
PIECES = st.sampled_from(DATES) | st.sampled_from(ODD)
VALUES = st.text(max_size=80) | st.lists(PIECES, max_size=14).map(" ".join) | st.integers().map(str)


@given(VALUES, st.integers(-(2**63), 2**63))
@example("Mon, 20 Nov 9999999999 12:00:00 +0000", NOW_MS)
@example("1" * 10_000, 0)
def test_no_value_raises_at_any_time(value: str, now_ms: int) -> None:
    assert parse_retry_after(value, now_ms) >= 0


def test_the_first_of_several_counts() -> None:
    two = altered(answer(503), raw_headers=((b"Retry-After", b"5"), (b"retry-after", b"9")))
    assert retry_after_ms(two, NOW_MS) == 5_000
    assert retry_after_ms(answer(503), NOW_MS) == 0


def test_a_folded_header_before_it_hides_nothing() -> None:
    head = b"HTTP/1.1 503 No\r\nVia: 1.1 a,\r\n 1.1 b\r\nRetry-After: 60\r\n"
    found = outcome_of(head + b"Content-Length: 0\r\n\r\n")
    assert isinstance(found, Answer)
    assert (found.status, retry_after_ms(found, NOW_MS)) == (503, 60_000)
