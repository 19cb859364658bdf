"""Mapping of columns to the fields of a review: from the user, a profile, or the names."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from plaudit.importer.columns import FIELDS, plain, recognized, review_weight
from plaudit.importer.errors import ImportRefused
from plaudit.importer.fields import Column, Mapped

_SHOWN: Final = 200
"""Maximum characters of a list of columns in a message."""
_TABLES: Final = ("columns", "values", "flags", "leave_out")
_KEYS: Final = (*_TABLES, "title", "date_format", "list", "rating_scale", "ids_from_content")
_PROFILES: Final = files("plaudit.importer") / "profiles"


@dataclass(frozen=True)
class FieldMap:
    """A mapping that options, a file or a profile define.

    Attributes:
        title: name of the platform, for messages.
        columns: column of each field.
        values: constant value of a field, for all rows.
        date_formats: formats of times.
        flags: texts that mean yes, by field.
        left_out: values of columns whose rows are not imported.
        list_path: path of the list of reviews in a JSON document.
        rating_scale: best rating, where a row does not specify it.
        ids_from_content: identify a review without an id by its content.
    """

    title: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    date_formats: tuple[str, ...] = ()
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    list_path: str | None = None
    rating_scale: int | None = None
    ids_from_content: bool = False

    def weight_of(self, names: Iterable[str]) -> int:
        """Return how closely objects with these names resemble the mapped reviews."""
        there = {plain(name) for name in names}
        mapped = sum(
            any(plain(name) in there for name in column.names) for column in self.columns.values()
        )
        return mapped + review_weight(there)

    def merged_over(self, base: FieldMap) -> FieldMap:
        """Return the other mapping, with the entries of this one in place of its own."""
        said = {*self.columns, *self.values}
        return FieldMap(
            title=self.title or base.title,
            columns={**_without(base.columns, said), **self.columns},
            values={**_without(base.values, said), **self.values},
            date_formats=self.date_formats or base.date_formats,
            flags={**_without(base.flags, said), **self.flags},
            left_out={**base.left_out, **self.left_out},
            list_path=self.list_path or base.list_path,
            rating_scale=self.rating_scale or base.rating_scale,
            ids_from_content=self.ids_from_content or base.ids_from_content,
        )


def _without(values: Mapping[str, Any], fields: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in fields}


def field_map(
    columns: Mapping[str, str], values: Mapping[str, str], date_format: str | None = None
) -> FieldMap:
    """Return the mapping of options: a column or a value for each field.

    Raises:
        ImportRefused: a field does not exist, or has both.
    """
    _check_fields((*columns, *values))
    if both := sorted(columns.keys() & values.keys()):
        raise ImportRefused(f"{both[0]}: give it a column or a value, not both")
    formats = () if date_format is None else (date_format,)
    return FieldMap(
        columns={name: Column((column,)) for name, column in columns.items()},
        values=values,
        date_formats=formats,
    )


def map_columns(
    columns: Sequence[str] | None,
    given: Mapping[str, str],
    values: Mapping[str, str],
    date_format: str | None = None,
) -> Mapped:
    """Map columns to fields: explicitly where given, otherwise by name.

    Args:
        columns: columns of the file; None when each row has its own.
        given: columns by field.
        values: constant value of a field, for all rows.
        date_format: format of times.

    Raises:
        ImportRefused: a field or a column does not exist, or no column is recognized.
    """
    return resolve(field_map(given, values, date_format), columns, columns or ())


def resolve(
    asked: FieldMap,
    columns: Sequence[str] | None,
    seen: Sequence[str],
    profile: FieldMap | None = None,
) -> Mapped:
    """Return the source of each field in a file.

    Args:
        asked: mapping that the user defined.
        columns: columns of the file; None when each row has its own.
        seen: names in its first rows.
        profile: mapping of the platform that the file is from; then nothing is recognized by name.

    Raises:
        ImportRefused: a column does not exist, no column is recognized, or it is another export.
    """
    for column in asked.columns.values():
        if columns is not None and not {*column.names} & {*columns}:
            there = ", ".join(columns)[:_SHOWN]
            raise ImportRefused(f"no column {column.names[0]!r}; there are {there}")
    if profile is None:
        found = {**_recognized(asked, columns, seen), **asked.columns}
        whole = asked
    else:
        whole = asked.merged_over(replace(profile, columns=_present(profile, columns, seen)))
        found = dict(whole.columns)
    if columns is not None and not found:
        there = ", ".join(map(repr, columns))[:_SHOWN]
        raise ImportRefused(f"no column is known; there are {there}; see --map")
    mapped = Mapped(found, dict(whole.values), whole.date_formats, whole.flags, whole.left_out)
    mapped.times()
    return mapped


def _recognized(
    asked: FieldMap, columns: Sequence[str] | None, seen: Sequence[str]
) -> dict[str, Column]:
    taken = {name for column in asked.columns.values() for name in column.names}
    found = recognized(columns if columns is not None else seen, taken)
    if columns is None:
        # JSON that was written for Plaudit needs no mapping: its names are the fields' names.
        found = {**{name: name for name in FIELDS}, **found}
    return {name: Column((column,)) for name, column in found.items() if name not in asked.values}


def _present(
    profile: FieldMap, columns: Sequence[str] | None, seen: Sequence[str]
) -> dict[str, Column]:
    """Return the profile's columns as the file spells them.

    Raises:
        ImportRefused: it has none of the columns with the review itself.
    """
    there = {plain(name): name for name in (seen if columns is None else columns)}
    found: dict[str, Column] = {}
    for name, column in profile.columns.items():
        names = tuple(there[plain(each)] for each in column.names if plain(each) in there)
        if names:
            found[name] = replace(column, names=names)
    if not found.keys() & {"text", "title", "rating"}:
        wanted = ", ".join(profile.columns[name].names[0] for name in ("text", "rating"))
        shown = ", ".join(there.values())[:_SHOWN]
        raise ImportRefused(
            f"not an export of {profile.title}: it has none of the columns {wanted}; "
            f"there are {shown}"
        )
    return found


def _check_fields(fields: Iterable[str]) -> None:
    for name in fields:
        if name not in FIELDS:
            close = difflib.get_close_matches(name, FIELDS, 3) or FIELDS
            raise ImportRefused(f"no field {name!r}; there are {', '.join(close)}")


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that come with the package."""
    names = (each.name.removesuffix(".toml") for each in _PROFILES.iterdir())
    return tuple(sorted(names))


def load_profile(name: str) -> FieldMap:
    """Return a profile that comes with the package.

    Raises:
        ImportRefused: the profile does not exist.
    """
    if name not in profile_names():
        raise ImportRefused(f"--from {name}: there are {', '.join(profile_names())}")
    return parse_mapping(f"{name}.toml", (_PROFILES / f"{name}.toml").read_text("utf-8"))


def read_mapping(path: Path) -> FieldMap:
    """Read a mapping file.

    Raises:
        ImportRefused: it can't be read, or is not a mapping.
    """
    try:
        return parse_mapping(str(path), path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImportRefused(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{path}: not valid TOML: {error}") from None


def parse_mapping(where: str, text: str) -> FieldMap:
    """Parse a mapping.

    Raises:
        ImportRefused: the mapping is invalid; the message names the place and the mistake.
    """
    try:
        read = tomllib.loads(text)
        return _parsed(read)
    except tomllib.TOMLDecodeError as error:
        raise ImportRefused(f"{where}: not valid TOML: {error}") from None
    except ImportRefused as refused:
        raise ImportRefused(f"{where}: {refused}") from None


def _parsed(read: dict[str, Any]) -> FieldMap:
    if strange := sorted(read.keys() - {*_KEYS}):
        raise ImportRefused(f"{strange[0]}: there are {', '.join(_KEYS)}")
    tables = {name: _table(name, read.get(name, {})) for name in _TABLES}
    _check_fields((*tables["columns"], *tables["values"], *tables["flags"]))
    scale, from_content = read.get("rating_scale"), read.get("ids_from_content", False)
    if not isinstance(scale, int | None) or not isinstance(from_content, bool):
        raise ImportRefused("rating_scale is a number, ids_from_content true or false")
    return FieldMap(
        title=_text("title", read.get("title", "")),
        columns={name: _column(name, each) for name, each in tables["columns"].items()},
        values={name: _text(name, each) for name, each in tables["values"].items()},
        date_formats=_texts("date_format", read.get("date_format", [])),
        flags={name: _texts(name, each) for name, each in tables["flags"].items()},
        left_out={name: _texts(name, each) for name, each in tables["leave_out"].items()},
        list_path=_text("list", read.get("list", "")) or None,
        rating_scale=scale,
        ids_from_content=from_content,
    )


def _table(name: str, read: object) -> dict[str, Any]:
    if not isinstance(read, dict):
        raise ImportRefused(f"[{name}] is not a table")
    return read


def _column(field: str, read: object) -> Column:
    match read:
        case {"join": names, **rest} if not rest:
            return Column(_texts(field, names), joined=True)
        case {"column": names, "find": str(pattern), **rest} if not rest:
            try:
                found = re.compile(pattern)
            except re.error as error:
                raise ImportRefused(f"{field}: find: {error}") from None
            if found.groups != 1:
                raise ImportRefused(f"{field}: find: exactly one group is needed")
            return Column(_texts(field, names), pattern=pattern)
        case {}:
            raise ImportRefused(f"{field}: a table has `join`, or `column` and `find`")
    return Column(_texts(field, read))


def _texts(name: str, read: object) -> tuple[str, ...]:
    several = read if isinstance(read, list) else [read]
    return tuple(_text(name, each) for each in several)


def _text(name: str, read: object) -> str:
    if not isinstance(read, str):
        raise ImportRefused(f"{name} is not a text")
    return read
