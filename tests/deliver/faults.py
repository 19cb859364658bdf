"""Every function of the product between poll and commit, and how to let one of them raise.

Found by walking the modules, so that none is forgotten. A function is replaced where it lives, in
its code: so a reference from before, as in a table of formats, is replaced, too.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from plaudit.deliver.offsets import assignment

PACKAGES: Final = (
    "plaudit.deliver",
    "plaudit.formats",
    "plaudit.endpoints",
    "plaudit.events",
    "plaudit.records",
    "plaudit.transport",
)
ELSEWHERE: Final = (
    # The consumer's thread: what it raises ends the worker, and the next one reads again what is
    # not committed. What `IN_THE_LOOP` names runs in the event loop all the same.
    "plaudit.deliver.offsets",
    # Not on the way of a delivery: metrics when they are asked for, starting, stopping.
    "plaudit.deliver.process",
)
IN_THE_LOOP: Final = frozenset(
    f"plaudit.deliver.offsets.{name}"
    for name in ("blocked", "bridge", "lane_sink", "pause_gate", "pulse")
)
OF_A_RECORD: Final = ("as_read", "headers", "key", "needed_headers", "place")
"""Of the assignment's module, the loop calls these methods of a record only."""
NAME: Final = "_plaudit_faults"


class Fault(Exception):
    """The error of a replaced function."""


class Faults:
    """Replaces functions; each call of one is counted, and may raise.

    Attributes:
        calls: how often each was called while armed.
        raises: says whether a call raises: of which function, the how manieth, with what.
        fired: those that have raised.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.raises: Callable[[str, int, tuple[Any, ...]], bool] = lambda *_: False
        self.armed = False
        self.fired: set[str] = set()
        self._before: dict[str, tuple[FunctionType, CodeType]] = {}
        self._real: dict[str, FunctionType] = {}

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Stand for a function."""
        if self.armed:
            self.calls[name] += 1
            if self.raises(name, self.calls[name], args):
                self.fired.add(name)
                raise Fault(name)
        return self._real[name](*args, **kwargs)

    def replace(self, name: str, function: FunctionType) -> None:
        """Let a function be called by way of `call`."""
        setattr(builtins, NAME, self)
        code = function.__code__
        real = FunctionType(
            code, function.__globals__, code.co_name, function.__defaults__, function.__closure__
        )
        real.__kwdefaults__ = function.__kwdefaults__
        self._before[name], self._real[name] = (function, code), real
        source = f"lambda *args, **kwargs: {NAME}.call({name!r}, args, kwargs)"
        function.__code__ = eval(source).__code__  # noqa: S307 - of our own names

    def restore(self) -> None:
        """Put every function back."""
        for function, code in self._before.values():
            function.__code__ = code
        self._before.clear()


def functions() -> dict[str, FunctionType]:
    """Return the functions and methods of the product that can be on the way of a delivery."""
    found: dict[str, FunctionType] = {}
    for name in OF_A_RECORD:
        _take(found, assignment, f"Record.{name}", vars(assignment.Record)[name])
    for module in _modules():
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__ == module.__name__:
                for inner, member in vars(value).items():
                    _take(found, module, f"{name}.{inner}", member)
            else:
                _take(found, module, name, value)
    return found


def _take(found: dict[str, FunctionType], module: ModuleType, name: str, value: object) -> None:
    if isinstance(value, property):
        value = value.fget
    elif isinstance(value, staticmethod | classmethod):
        value = value.__func__
    # Those that dataclasses write have no file; the code of a closure can not be replaced.
    if (
        isinstance(value, FunctionType)
        and value.__module__ == module.__name__
        and value.__code__.co_filename == module.__file__
        and not value.__code__.co_freevars
    ):
        found[f"{module.__name__.removeprefix('plaudit.')}:{name}"] = value


def _modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        root = importlib.import_module(package)
        for each in pkgutil.walk_packages(root.__path__, f"{package}."):
            elsewhere = each.name.startswith(ELSEWHERE) and each.name not in IN_THE_LOOP
            if not elsewhere and not each.name.endswith("__main__"):
                yield importlib.import_module(each.name)
