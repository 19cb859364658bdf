"""Version and form of this process."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import NamedTuple

from plaudit.events.avro.build_kind import Form, form


class Build(NamedTuple):
    """The release of a process and the form of its hot path.

    Attributes:
        version: version of Plaudit.
        form: whether the hot path is compiled.
        python: release of Python.
    """

    version: str
    form: Form
    python: str


def build() -> Build:
    """Return the build of this process."""
    return Build(version("plaudit"), form(), platform.python_version())
