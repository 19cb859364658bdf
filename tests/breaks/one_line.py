"""A line of code, and how it could be wrong so that a promise is broken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """A change that breaks a promise.

    Attributes:
        promise: the broken promise.
        file: from the top of the tree.
        old: stands in it once.
        new: instead.
        tests: that must fail; a file, or tests of it.
    """

    promise: str
    file: str
    old: str
    new: str
    tests: str
