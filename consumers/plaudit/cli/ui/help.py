"""Help and usage errors in users' words, in place of the parser's names for Python types."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from typer.exceptions import TyperException

from plaudit.cli.ui.output import note
from plaudit.records.validation import explained, in_words

if TYPE_CHECKING:
    from pydantic import ValidationError

_TYPES: Final = (
    (re.compile(r"<int( range)?>"), "COUNT"),
    (re.compile(r"<float( range)?>"), "NUMBER"),
    (re.compile(r"<(file|path|directory)>"), "FILE"),
    (re.compile(r"<uuid>", re.IGNORECASE), "UUID"),
    (re.compile(r"<(str|text)>"), "TEXT"),
    (re.compile(r"<list\[<?(.*?)>?\]>"), r"\1"),
    (re.compile(r"<bool>"), ""),
    (re.compile(r"<(.*\|.*)>"), r"\1"),
)
_SIMPLE: Final = {"str": "TEXT", "int": "COUNT", "float": "NUMBER", "path": "FILE", "uuid": "UUID"}
_EXAMPLE: Final = re.compile(r"^(Examples?:)", re.MULTILINE)
_FOR: Final = re.compile(r"Invalid value for (?P<hint>.*?): (?P<said>.*)", re.DOTALL)


def humanize(command: Any) -> None:  # noqa: ANN401 - the parser's classes are not public
    """Replace the names of types in the help of a command and of all below it."""
    if command.help:
        # The mark keeps the lines of the paragraph as they are.
        command.help = _EXAMPLE.sub("\b\n\\1", command.help)
    for parameter in command.params:
        _humanize_parameter(parameter)
    for inner in getattr(command, "commands", {}).values():
        humanize(inner)


def metavar_of(label: str) -> str:
    """Return the placeholder for a type's label, such as COUNT for `<int range>`."""
    for pattern, words in _TYPES:
        found = pattern.fullmatch(label)
        if found is not None:
            name = found.expand(words)
            return _SIMPLE.get(name, name)
    return label


def range_text(least: float | None, most: float | None) -> str | None:
    """Return the range of a number in words."""
    if least is None:
        return None if most is None else f"at most {most:g}"
    return f"at least {least:g}" if most is None else f"{least:g} to {most:g}"


def tell_usage(error: TyperException, program: str) -> None:
    """Print a usage error as one line that names the command and its help."""
    context = getattr(error, "ctx", None)
    path = program if context is None else context.command_path
    if type(error).__name__ == "NoArgsIsHelpError":
        note(error.format_message())
        return
    note(f"{path}: {usage_line(error.format_message(), error.__cause__)} (see `{path} --help`)")


def usage_line(message: str, cause: BaseException | None = None) -> str:
    """Return a message of the parser in one line, with the option first.

    Args:
        message: message of the parser.
        cause: the error behind it; pydantic's names the value that was given.
    """
    line = " ".join(message.split())
    found = _FOR.fullmatch(line)
    if found is None:
        return line.rstrip(".")
    hint = found["hint"].strip("'").replace("' / '", "/")
    said = explained(cause.errors()[0]) if _is_refusal(cause) else in_words(found["said"])
    return f"{hint}: {said}".rstrip(".")


def _is_refusal(cause: BaseException | None) -> TypeGuard[ValidationError]:
    # The parser has imported pydantic if it raised this.
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(cause, pydantic.ValidationError)


def _name_argument(argument: Any) -> None:  # noqa: ANN401 - see above
    """Write an argument as manuals do: NAME, `[NAME]` if it may be left out."""
    argument.metavar = argument.metavar or argument.name.upper()
    more = "..." if argument.nargs == -1 else ""
    piece = f"{argument.metavar}{more}" if argument.required else f"[{argument.metavar}]{more}"
    argument.get_usage_pieces = lambda _ctx: [piece]


def _humanize_parameter(parameter: Any) -> None:  # noqa: ANN401 - see above
    shown = parameter.display_type_rich

    def label(ctx: Any) -> str:  # noqa: ANN401 - see above
        text = metavar_of(shown(ctx=ctx))
        # The name of an argument stands before it, and says what it is.
        return "" if parameter.param_type_name == "argument" else text

    parameter.display_type_rich = label
    if parameter.param_type_name == "argument":
        _name_argument(parameter)
    if getattr(parameter, "min", None) is not None or getattr(parameter, "max", None) is not None:
        in_range = range_text(parameter.min, parameter.max)
        parameter._get_number_range_help_str = lambda: in_range  # noqa: SLF001 - it has no other way
