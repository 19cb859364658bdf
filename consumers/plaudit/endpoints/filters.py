"""Content filters: conditions on the `data` of events. Pure.

A filter is JSON: a test of one field, or a combination of filters.

    {"field": "testimonial.rating.value", "gt": 3}
    {"any": [{"field": "testimonial.tags", "eq": "vip"}, {"not": {"field": "rating", "gt": 3}}]}

Tests are `eq`, `ne`, `in`, `gt`, `lt`, `exists` and `starts_with`; several in one object must all
hold. A field is a path of names. If the path contains a list, one matching item is enough. An
absent value equals null, and no other test matches it. Numbers compare with numbers, texts with
texts, and times by their RFC 3339 text.

The cost of a filter on one event is bounded by `MOST_STEPS`. A filter that would cost more accepts
the event: an extra event does less harm than a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

MOST_CHARACTERS: Final = 8_000
DEEPEST: Final = 8
MOST_TESTS: Final = 100
MOST_VALUES: Final = 200
MOST_STEPS: Final = 25_000
"""Steps of one filter on one event; a step reads one value, in about 0.1 µs. The largest filter
takes 20,000 steps if no list has more than 100 items: 100 tests of each item, once to find and once
to test."""
_PATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,7}")
_GROUPS: Final = ("all", "any", "not")


class _TooCostly(Exception):
    """An evaluation that would take more than `MOST_STEPS`."""


class _Budget:
    """The steps that an evaluation may still take."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Spend steps before they are made.

        Raises:
            _TooCostly: fewer are left.
        """
        if steps > self.left:
            raise _TooCostly
        self.left -= steps


_Judge = Callable[[Mapping[str, Any], _Budget], bool]


class Filter:
    """Decides whether an event's `data` matches.

    Attributes:
        overruns: events that it accepted because their evaluation would have cost too much.
        spent: steps of all evaluations.
    """

    __slots__ = ("_judge", "overruns", "spent")

    def __init__(self, judge: _Judge) -> None:
        self._judge = judge
        self.overruns = 0
        self.spent = 0

    def __call__(self, data: Mapping[str, Any]) -> bool:
        """Return whether an event matches."""
        budget = _Budget()
        try:
            return self._judge(data, budget)
        except _TooCostly:
            self.overruns += 1
            return True
        finally:
            self.spent += MOST_STEPS - budget.left


class FilterRefused(ValueError):
    """A filter is invalid.

    Attributes:
        where: path such as `all[1].gt`; empty for the whole filter.
        reason: the mistake, and the accepted values.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.where = where
        self.reason = reason


def parse_filter(text: str) -> Filter:
    """Return a filter that is written as JSON.

    Raises:
        FilterRefused: the filter is invalid; the message says where.
    """
    if len(text) > MOST_CHARACTERS:
        raise FilterRefused("", f"at most {MOST_CHARACTERS:,} characters")
    try:
        tree = orjson.loads(text)
    except ValueError:
        raise FilterRefused("", "not JSON") from None
    return compile_filter(tree)


def known_filter(text: str | None) -> Filter | None:
    """Return the filter in an endpoint's record; None if it has none.

    A filter that only a newer release can read accepts everything: while both releases run, extra
    events do less harm than missing ones.
    """
    try:
        return None if text is None else parse_filter(text)
    except FilterRefused:
        return None


def compile_filter(tree: object) -> Filter:
    """Return a filter that was read from JSON.

    Raises:
        FilterRefused: the filter is invalid; the message says where.
    """
    return Filter(_Compiler().filter(tree, "", DEEPEST))


class _Compiler:
    """Turns a filter into closures; counts its tests."""

    def __init__(self) -> None:
        self._tests = 0

    def filter(self, tree: object, where: str, depth: int) -> _Judge:
        if not isinstance(tree, dict) or not tree:
            wanted = 'an object such as {"field": "testimonial.rating.value", "gt": 3}'
            raise FilterRefused(where, f"must be {wanted}")
        if not depth:
            raise FilterRefused(where, f"nested over {DEEPEST} deep")
        if "field" in tree:
            return self._tests_of(tree, where)
        [(name, inner), *more] = tree.items()
        if more or name not in _GROUPS:
            wanted = 'is either {"field": …, "<test>": …} or exactly one of'
            raise FilterRefused(where, f"a filter {wanted} {', '.join(_GROUPS)}")
        at = _join(where, name)
        if name == "not":
            negated = self.filter(inner, at, depth - 1)
            return lambda data, budget: not negated(data, budget)
        if not isinstance(inner, list) or not inner:
            raise FilterRefused(at, "must be a list of filters")
        parts = [self.filter(each, f"{at}[{place}]", depth - 1) for place, each in enumerate(inner)]
        together = all if name == "all" else any
        return lambda data, budget: together(part(data, budget) for part in parts)

    def _tests_of(self, tree: Mapping[str, Any], where: str) -> _Judge:
        path = tree["field"]
        if not isinstance(path, str) or _PATH.fullmatch(path) is None:
            reason = "must be names with dots between, such as testimonial.rating.value"
            raise FilterRefused(_join(where, "field"), reason)
        tests = [
            self._test(name, value, _join(where, name))
            for name, value in tree.items()
            if name != "field"
        ]
        if not tests:
            raise FilterRefused(where, f"needs a test: one of {', '.join(_TESTS)}")
        names = tuple(path.split("."))

        def wants(data: Mapping[str, Any], budget: _Budget) -> bool:
            found = _values(data, names, budget) or [None]
            budget.spend(len(found) * len(tests))
            return all(test(found) for test in tests)

        return wants

    def _test(self, name: str, value: object, where: str) -> Callable[[list[Any]], bool]:
        make = _TESTS.get(name)
        if make is None:
            raise FilterRefused(where, f"no test; there are {', '.join(_TESTS)}")
        self._tests += 1
        if self._tests > MOST_TESTS:
            raise FilterRefused(where, f"at most {MOST_TESTS} tests in a filter")
        return make(value, where)


def _values(data: Mapping[str, Any], names: Sequence[str], budget: _Budget) -> list[Any]:
    """Return the values at the end of a path, with lists replaced by their items.

    Raises:
        _TooCostly: there are too many.
    """
    level: list[Any] = [data]
    for name in names:
        level = [each.get(name) for each in _items(level, budget) if isinstance(each, dict)]
    return _items(level, budget)


def _items(values: list[Any], budget: _Budget) -> list[Any]:
    """Return values with lists replaced by their items."""
    budget.spend(len(values))
    if not any(isinstance(each, list) for each in values):
        return values
    items: list[Any] = []
    for each in values:
        if isinstance(each, list):
            items += _items(each, budget)
        else:
            items.append(each)
    return items


_Test = Callable[[list[Any]], bool]


def _eq(value: object, where: str) -> _Test:
    wanted = _scalar(value, where)
    return lambda found: any(_same(each, wanted) for each in found)


def _ne(value: object, where: str) -> _Test:
    equal = _eq(value, where)
    return lambda found: not equal(found)


def _in(value: object, where: str) -> _Test:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_VALUES:
        raise FilterRefused(where, f"must be a list of 1 to {MOST_VALUES} values")
    wanted = [_scalar(each, f"{where}[{place}]") for place, each in enumerate(value)]
    # Python's sets take true for 1.
    booleans = frozenset(each for each in wanted if isinstance(each, bool))
    others = frozenset(each for each in wanted if not isinstance(each, bool))

    def test(found: list[Any]) -> bool:
        return any(
            each in (booleans if isinstance(each, bool) else others)
            for each in found
            if not isinstance(each, dict)
        )

    return test


def _gt(value: object, where: str) -> _Test:
    bound = _ordered(value, where)
    return lambda found: any(_comparable(each, bound) and each > bound for each in found)


def _lt(value: object, where: str) -> _Test:
    bound = _ordered(value, where)
    return lambda found: any(_comparable(each, bound) and each < bound for each in found)


def _exists(value: object, where: str) -> _Test:
    if not isinstance(value, bool):
        raise FilterRefused(where, "must be true or false")
    return lambda found: any(each is not None for each in found) is value


def _starts_with(value: object, where: str) -> _Test:
    if not isinstance(value, str) or not value:
        raise FilterRefused(where, "must be a text")
    return lambda found: any(isinstance(each, str) and each.startswith(value) for each in found)


_TESTS: Final[Mapping[str, Callable[[object, str], _Test]]] = {
    "eq": _eq,
    "ne": _ne,
    "in": _in,
    "gt": _gt,
    "lt": _lt,
    "exists": _exists,
    "starts_with": _starts_with,
}


def _scalar(value: object, where: str) -> object:
    if isinstance(value, dict | list):
        raise FilterRefused(where, "must be a text, a number, true, false or null")
    return value


def _ordered(value: object, where: str) -> Any:  # noqa: ANN401 - a number or a text
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise FilterRefused(where, "must be a number or a text")
    return value


def _same(found: object, wanted: object) -> bool:
    """Return whether two values are equal in JSON, where true is not 1."""
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def _comparable(found: object, bound: object) -> bool:
    if isinstance(found, bool):
        return False
    if isinstance(bound, str):
        return isinstance(found, str)
    return isinstance(found, int | float)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
