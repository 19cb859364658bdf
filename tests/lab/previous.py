"""Previous release, built from the repository's history and installed beside the current one."""

from __future__ import annotations

import io
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

FIRST: Final = "c9be8ca"
"""Stands for the previous release while there is none: a tag takes its place by itself.

It is the first commit whose records, headers and bitmaps are those of the first release.
"""
SHARED: Final = "f3b771d"
"""The same for processes that use the database: the first that shares it with later releases."""
BUILD_S: Final = 120


class NoHistory(Exception):
    """The previous release is not available: no repository, or a shallow clone."""


def previous(stand_in: str = FIRST) -> str:
    """Return the commit of the release before this one.

    Args:
        stand_in: commit to take while no release has a tag.

    Raises:
        NoHistory: this is not a clone, or the clone lacks that commit.
    """
    try:
        # Not the tag of this commit, because a release is compared with the one before.
        tagged = _git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")
    except NoHistory:
        tagged = b""
    return _git(
        "rev-parse", "--verify", f"{tagged.decode().strip() or stand_in}^{{commit}}"
    ).decode()


def install(folder: Path, stand_in: str = FIRST) -> Path:
    """Build the previous release and install it into an environment of its own; offline.

    Args:
        folder: for its tree and its environment.
        stand_in: commit to take while no release has a tag.

    Returns:
        Its `plaudit`.

    Raises:
        NoHistory: see `previous`.
    """
    archive = _git("archive", previous(stand_in).strip())
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        tree.extractall(folder / "tree", filter="data")
    _run(sys.executable, "-m", "build", "--no-isolation", "--wheel", folder / "tree")
    [wheel] = (folder / "tree" / "dist").glob("*.whl")
    _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    _run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    where = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    # It shares our dependencies. Python ignores .pth files in a folder that a .pth file adds, so
    # our editable install stays invisible.
    (where / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    found = _run(python, "-c", "import plaudit.cli.main as it; print(it.__file__)")
    assert Path(found).is_relative_to(where), f"{found} is not the previous release's"
    return python.with_name("plaudit")


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        raise NoHistory("git is not installed") from None
    if done.returncode:
        raise NoHistory(done.stderr.decode().strip())
    return done.stdout


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()
