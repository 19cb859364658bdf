"""Lists, short ids and usage errors, without a broker or a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from command import CommandLine
from plaudit.cli.registry import COMMANDS, build
from plaudit.cli.ui.help import humanize, metavar_of, range_text, usage_line
from plaudit.cli.ui.ids import KnownObject, id_range, resolve
from plaudit.cli.ui.listing import ListColumn, ValueForm, aligned, chosen_columns, tab_separated
from plaudit.kafka.settings import KafkaSettings

ONE = "8982ece8-1111-4111-8111-111111111111"
TWO = "8982ecef-2222-4222-8222-222222222222"
COLUMNS = (
    ListColumn("name"),
    ListColumn("id", ValueForm.ID),
    ListColumn("count", ValueForm.NUMBER),
    ListColumn("at", ValueForm.TIME),
    ListColumn("more", default=False),
)
LONG = "a name that is much longer than any terminal is wide " * 8
ROWS: list[dict[str, Any]] = [
    {"name": LONG, "id": ONE, "count": 5, "at": "2026-11-28T17:28:04.123Z", "more": ["a", "b"]},
    {"name": None, "id": TWO, "count": 1_000, "at": "2026-11-24T06:00:00Z", "more": "x\ty\nz"},
]
NOW = datetime(2026, 11, 28, 18, 0, tzinfo=UTC)


def test_on_a_terminal_a_row_is_one_line_with_short_ids_and_local_times() -> None:
    heading, first, second = aligned(ROWS, chosen_columns(COLUMNS, None), NOW)
    assert heading.split() == ["NAME", "ID", "COUNT", "AT"]
    assert first == f"{LONG}  8982ece8      5  17:28:04"
    assert second.split() == ["-", "8982ecef", "1000", "Nov", "24", "06:00"]


def test_elsewhere_values_are_complete_and_separated_by_tabs() -> None:
    first, second = tab_separated(ROWS, chosen_columns(COLUMNS, "id, at, more"))
    assert first == f"{ONE}\t2026-11-28T17:28:04.123Z\ta,b"
    assert second.split("\t") == [TWO, "2026-11-24T06:00:00Z", "x y z"]


def test_an_empty_list_has_no_heading() -> None:
    assert aligned([], COLUMNS, NOW) == tab_separated([], COLUMNS) == []


def test_an_unknown_column_is_refused_with_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left:
        chosen_columns(COLUMNS, "na")
    assert left.value.exit_code == 2
    assert "did you mean name?" in capsys.readouterr().err


KNOWN = [
    KnownObject(ONE, "crm", "w1"),
    KnownObject(TWO, "shop", "w1"),
    KnownObject(ONE[:-1] + "2", "shop", "w2"),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [("crm", ONE), (ONE.upper(), ONE), ("8982ecef", TWO), (TWO[:13], TWO), (TWO[:12], TWO)],
)
def test_an_object_is_found_by_name_id_or_the_first_characters(text: str, found: str) -> None:
    assert resolve(text, "endpoint", lambda: KNOWN) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("8982", f"'8982' is ambiguous: {ONE} (crm) of workspace w1, {TWO}"),
        ("shop", "add --workspace, or give the id"),
        ("crn", "endpoint 'crn' does not exist; did you mean crm?"),
        ("898", "see `plaudit endpoints list`"),
    ],
)
def test_an_ambiguous_object_is_refused(
    text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as left:
        resolve(text, "endpoint", lambda: KNOWN)
    assert left.value.exit_code == 2
    assert said in capsys.readouterr().err


def test_a_prefix_spans_all_ids_that_begin_with_it() -> None:
    first, last = id_range("8982ecef-2")
    assert first == "8982ecef-2000-0000-0000-000000000000"
    assert last == "8982ecef-2fff-ffff-ffff-ffffffffffff"


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("<float range>", "NUMBER"), ("<int>", "COUNT"), ("<list[str]>", "TEXT"),
        ("<bool>", ""), ("<path>", "FILE"), ("<list[events|deliveries]>", "events|deliveries"),
        ("<admin|read>", "admin|read"), ("URL", "URL"),
    ],
)  # fmt: skip
def test_help_names_things_and_not_types(label: str, shown: str) -> None:
    assert metavar_of(label) == shown


def test_ranges_are_written_in_words() -> None:
    assert [range_text(1, None), range_text(None, 5), range_text(0.1, 60)] == [
        "at least 1", "at most 5", "0.1 to 60",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Invalid value for '--limit': Input should be a valid integer, unable to parse it",
            "--limit: not a whole number",
        ),
        ("Invalid value for '--lane': Value error, 'foo' is not one of 'a', 'b'.",
         "--lane: 'foo' is not one of 'a', 'b'"),
        ("Missing argument 'ENDPOINT'.", "Missing argument 'ENDPOINT'"),
    ],
)  # fmt: skip
def test_a_usage_error_is_one_line_with_the_option_first(message: str, said: str) -> None:
    assert usage_line(message) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("deliveries", "list", "--limit", "900"), "--limit: must be at most 500, not 900"),
        (("publish", "x", "-", "--timeout", "0"), "--timeout: must be at least 0.1s, not 0"),
        (("outbox", "relay", "--poll", "5y"), "--poll: '5y' is not a duration such as 90s"),
        (("deliveries", "list", "--limit", "many"), "--limit: 'many' is not a whole number"),
    ],
)
def test_a_refused_number_is_repeated(words: tuple[str, ...], said: str) -> None:
    done = CommandLine(KafkaSettings())(*words)
    assert (done.code, said in done.err) == (2, True), done.err


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (("publish",), "plaudit publish [OPTIONS] TYPE [FILE]"),
        (("deliveries", "retry"), "plaudit deliveries retry [OPTIONS] [DELIVERY]"),
        pytest.param(("bench",), "plaudit bench [OPTIONS] [SCENARIO]...", marks=pytest.mark.tree),
        (("import",), "plaudit import [OPTIONS] FILE"),
    ],
)
def test_arguments_are_written_as_in_manuals(words: tuple[str, ...], usage: str) -> None:
    shown = CommandLine(KafkaSettings())(*words, "--help").out
    assert shown.partition("\n")[0] == f"Usage: {usage}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_help_shows_a_type_of_python(name: str) -> None:
    root: Any = typer.main.get_command(build([name]))
    humanize(root)
    group = root.commands[name]
    for command in [group, *getattr(group, "commands", {}).values()]:
        context = typer.Context(command, info_name=command.name)
        text = command.get_help(context)
        assert "<" not in text.replace("<name>", "").replace("<delay>", ""), text
        assert "[x" not in text
        assert "{" not in text.partition("\n")[0]
        assert "[[" not in text
