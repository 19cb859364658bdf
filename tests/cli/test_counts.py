"""Counts of dead letters, for people and for programs."""

from __future__ import annotations

from plaudit.cli.dlq.tables import count_lines, count_rows

COUNTS = {
    "reason": {"exhausted": 112, "gone": 59},
    "type": {"testimonial.approved": 171},
    "topic": {"(none)": 171},
}


def test_values_that_all_letters_share_are_one_line_and_the_rest_has_shares() -> None:
    assert [line.rstrip("█ ") for line in count_lines(COUNTS)] == [
        "type  testimonial.approved (all)",
        "",
        "REASON     LETTERS  SHARE",
        "exhausted      112    65%",
        "gone            59    35%",
    ]


def test_many_values_end_with_the_rest() -> None:
    counts = {f"endpoint {number}": 1 for number in range(15)}
    assert count_lines({"topic": counts})[-1].split() == ["and", "3", "more", "3", "20%"]


def test_programs_read_a_count_per_line() -> None:
    assert count_rows(COUNTS)[:2] == ["reason\texhausted\t112", "reason\tgone\t59"]
