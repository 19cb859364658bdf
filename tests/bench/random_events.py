"""Random events: the examples with other texts, numbers and times, and with optional fields empty.

Seeded, so that each run has the same events. The model decides what is valid.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pydantic import ValidationError

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.examples import example_json
from plaudit.events.models.event import EventModel

VARIANTS: Final = 10
"""Of each type."""
TEXT: Final = """We were live in a day and our landing page converts twice as well.
The import took a coffee break. Größe, señor, 「とても良い」, and a "quoted" word \N{SPARKLES}"""
WORDS: Final = TEXT.split(" ")
MOST_WORDS: Final = 60
_META: Final = "meta"


@cache
def variants(name: str) -> tuple[EventModel, ...]:
    """Return random events of a type; the first is its example."""
    dice = random.Random(name)  # noqa: S311 - for variety, not for secrets
    model = CATALOGUE[name].model
    made = [model.model_validate_json(example_json(name))]
    for _ in range(VARIANTS - 1):
        tree = json.loads(example_json(name))
        for holder, key in list(_leaves(tree)):
            before = holder[key]
            holder[key] = _other(before, dice)
            try:
                model.model_validate(tree)
            except ValidationError:
                holder[key] = before
        made.append(model.model_validate(tree))
    return tuple(made)


def _leaves(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each value that is neither a record nor a list, by what holds it and its key."""
    places = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in places:
        if isinstance(value, dict | list):
            yield from _leaves(value)
        elif key != _META:
            yield tree, key


def _other(value: object, dice: random.Random) -> object:
    """Return another value of the same kind, or none at all."""
    if dice.random() < 0.2:
        return None
    match value:
        case bool():
            return dice.random() < 0.5
        case int():
            return max(0, value + dice.randint(-value, 3 * value + 10))
        case float():
            return round(value * dice.random(), 2)
        case str() if " " in value:
            return " ".join(dice.choices(WORDS, k=dice.randint(1, MOST_WORDS)))
    return value
