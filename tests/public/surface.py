"""Text form of the public API: names and signatures.

`PYTHONPATH=tests python -m public.surface > tests/public/api.txt`
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import Final

from pydantic import BaseModel

MODULES: Final = (
    "plaudit.events.models",
    "plaudit.outbox",
    "plaudit.publish",
    "plaudit.publish.testing",
)


def surface() -> str:
    """Return a line for each public name."""
    return "".join(f"{line}\n" for module in MODULES for line in lines(module))


def lines(module: str) -> Iterator[str]:
    """Yield the lines of a module."""
    found = importlib.import_module(module)
    for name in found.__all__:
        yield from described(found, name)


def described(module: ModuleType, name: str) -> Iterator[str]:
    """Yield a name, its bases or signature, and its public members."""
    at, value = f"{module.__name__}.{name}", getattr(module, name)
    if isinstance(value, type):
        yield f"{at}({', '.join(base.__name__ for base in value.__bases__)})"
        yield from (f"{at}.{member}" for member in members(value))
    elif callable(value):
        yield f"{at}{inspect.signature(value)}"
    else:
        yield f"{at} = {value!r}"


def members(value: type) -> Iterator[str]:
    """Yield what callers use of a class."""
    if issubclass(value, Enum):
        yield from (f"{each.name} = {each.value!r}" for each in value)
    elif issubclass(value, BaseModel):
        written = {
            name: text
            for base in reversed(value.__mro__)
            for name, text in inspect.get_annotations(base).items()
        }
        for name, field in value.model_fields.items():
            yield f"{name}: {written[name]}{'' if field.is_required() else ' = …'}"
    else:
        if "__init__" in vars(value):
            yield f"__init__{inspect.signature(vars(value)['__init__'])}"
        for name, member in sorted(vars(value).items()):
            if name.startswith("_"):
                continue
            call = member.fget if isinstance(member, property) else member
            yield f"{name}{inspect.signature(call)}" if inspect.isfunction(call) else name


if __name__ == "__main__":
    sys.stdout.write(surface())
