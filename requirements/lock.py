"""Pins what is installed, with hashes: `make lock`.

Reads the extras and groups of pyproject.toml and writes six files: `run.txt` (what `make run`
needs), `image.txt` (what the image needs, without a broker of its own), `all.txt` (what developing
needs), `compile.txt` (what compiling the wheel needs besides), `fuzz.txt` (what `make fuzz` needs
besides) and `msk.txt` (what the extra `msk` needs, which the image lacks). pip-compile can't do it
alone: it knows no dependency groups, and would pin this project itself, with a path, where an extra
names another one.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
SELF: Final = re.compile(r"plaudit\[(?P<extras>[^\]]+)\]")
GROUPS: Final = ("test", "lint", "build", "docs")


def main() -> None:
    """Write the files."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    run = [
        *project["project"]["dependencies"],
        *extra(project, "dev"),
        *extra(project, "postgres"),
        BUILD,
    ]
    image = [*project["project"]["dependencies"], *extra(project, "all"), BUILD]
    everything = [*run, *image]
    for group in GROUPS:
        everything += project["dependency-groups"][group]
    compile_into(HERE / "run.txt", run)
    compile_into(HERE / "all.txt", everything, HERE / "run.txt")
    compile_into(HERE / "image.txt", image, HERE / "all.txt")
    compile_into(HERE / "compile.txt", COMPILE, HERE / "all.txt")
    # On top of the image: tools of the docs want a dateutil that botocore refuses.
    compile_into(HERE / "msk.txt", list(extra(project, "msk")), HERE / "image.txt")
    compile_into(HERE / "fuzz.txt", project["dependency-groups"]["fuzz"], HERE / "all.txt")


# To install the project itself without fetching what no hash vouches for.
BUILD: Final = "hatchling>=1.27"
# mypyc is part of mypy, and its extension modules are built by setuptools.
COMPILE: Final = ("mypy>=1.18", "setuptools>=80")


def extra(project: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the requirements of an extra, those of extras that it names included."""
    for requirement in project["project"]["optional-dependencies"][name]:
        found = SELF.fullmatch(requirement)
        if found is None:
            yield requirement
        else:
            for other in found["extras"].split(","):
                yield from extra(project, other)


def compile_into(file: Path, requirements: Sequence[str], constraints: Path | None = None) -> None:
    """Resolve and write one file; what it pins already stays unless it has to change."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "requirements.in"
        source.write_text("\n".join(sorted(set(requirements))) + "\n", encoding="utf-8")
        options = ["-q", "--generate-hashes", "--strip-extras", "--allow-unsafe", "--no-annotate"]
        options += ["--no-header", "--no-emit-index-url", "--no-emit-find-links"]
        if constraints is not None:
            options += ["-c", str(constraints)]
        tool = Path(sys.executable).with_name("pip-compile")
        subprocess.run([tool, *options, "-o", str(file), str(source)], check=True)


if __name__ == "__main__":
    main()
