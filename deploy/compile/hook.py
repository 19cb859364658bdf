"""Compiles the hot path into extension modules while a wheel is built, if PLAUDIT_COMPILE is set.

Without it the wheel is pure, and the same for every platform. With it, mypyc turns the modules that
pyproject.toml names into C, and a C compiler turns that into modules that Python prefers to the
source files beside them; the wheel is then one for this platform and this Python. Everything that
this needs is among what developing needs: `make compile`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH: Final = "PLAUDIT_COMPILE"
GROUP: Final = "plaudit_hot"
"""All of it is one shared library, `plaudit_hot__mypyc`: calls within it are plain C calls."""


class CompileHook(BuildHookInterface[Any]):
    """Adds extension modules to a wheel (hatchling calls this)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what kind of wheel comes of it."""
        if version == "editable" or not os.environ.get(SWITCH):
            return
        root = Path(self.root)
        work = root / "build" / "compile"
        sources = [str(root / each) for each in hot_modules(root, self.config)]
        built = compiled([*sources, str(written_readers(root, work))], work)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"].update(
            {str(path): str(path.relative_to(work / "lib")) for path in built}
        )


def hot_modules(root: Path, config: Mapping[str, Any]) -> list[str]:
    """Return what is compiled: modules by name, and those of folders that are not to stay pure."""
    pure = {each for exclusion in config["pure"] for each in exclusion["modules"]}
    found = [
        module.relative_to(root).as_posix()
        for folder in config["folders"]
        for module in sorted((root / folder).rglob("*.py"))
        if module.name != "__init__.py"
    ]
    return [*config["modules"], *(each for each in found if each not in pure)]


def written_readers(root: Path, work: Path) -> Path:
    """Write the module that exists in the compiled form only; return where."""
    sys.path[:0] = [str(root / "schemas"), str(root / "producers"), str(root / "consumers")]
    from plaudit.events.avro.build_kind import BUILT  # noqa: PLC0415 - found only now
    from plaudit.events.generate.readers import readers_module  # noqa: PLC0415 - likewise

    path = work.joinpath("source", *BUILT.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(readers_module(), encoding="utf-8")
    os.environ["MYPYPATH"] = str(work / "source")
    return path


def compiled(sources: list[str], work: Path) -> list[Path]:
    """Compile modules into one shared library and what makes each of them importable."""
    from mypyc.build import mypycify  # noqa: PLC0415 - a pure build does without
    from setuptools import Distribution  # noqa: PLC0415 - likewise
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415 - likewise

    # The optimizer takes most of the time: -O3 three times what -O2 does, for nothing to be seen.
    extensions = mypycify(
        sources, opt_level="2", debug_level="0", group_name=GROUP, target_dir=str(work / "c")
    )
    for extension in extensions:
        # Only the modules' entry points are exported, so that calls within the library are direct.
        extension.extra_compile_args.append("-fvisibility=hidden")
    command = build_ext(Distribution({"name": "plaudit", "ext_modules": extensions}))
    command.build_lib = str(work / "lib")
    command.build_temp = str(work / "temp")
    command.ensure_finalized()
    command.run()
    return [Path(each) for each in command.get_outputs()]
