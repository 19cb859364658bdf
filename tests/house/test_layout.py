"""Faults of the layout, as tests (one namespace package in three folders)."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
PORTIONS = ("schemas", "producers", "consumers")
tree = pytest.mark.tree


@tree
@pytest.mark.parametrize("portion", PORTIONS)
def test_no_portion_of_the_namespace_hides_the_others(portion: str) -> None:
    assert not (ROOT / portion / "plaudit" / "__init__.py").exists()


def test_plaudit_is_a_namespace_package() -> None:
    found = importlib.util.find_spec("plaudit")
    assert found is not None
    assert found.origin is None


@tree
def test_every_package_has_a_marker_for_types() -> None:
    packages = {
        init.parent for portion in PORTIONS for init in (ROOT / portion).rglob("__init__.py")
    }
    rooms = {package for package in packages if package.parent.name == "plaudit"}
    assert rooms
    assert [room.name for room in rooms if not (room / "py.typed").exists()] == []


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("plaudit.publish", "sqlalchemy fastapi starlette uvicorn typer rich structlog httpx"),
        ("plaudit.publish.testing", "pytest sqlalchemy typer rich structlog httpx"),
        ("plaudit.outbox", "psycopg plaudit.publish django sqlalchemy typer rich structlog httpx"),
        ("plaudit.outbox.settings", "psycopg sqlalchemy typer rich structlog httpx"),
        ("plaudit.deliver.worker", "sqlalchemy fastapi starlette uvicorn alembic"),
        ("plaudit.cli.endpoints.commands", "alembic asyncpg httpx plaudit.dlq.job.job"),
        ("plaudit.cli.endpoints.commands", "yaml plaudit.publish plaudit.store.log.stats"),
        ("plaudit.cli.commands.deliveries", "alembic asyncpg httpx plaudit.dlq.job.job"),
    ],
)
def test_a_package_imports_no_heavy_libraries(module: str, forbidden: str) -> None:
    script = (
        f"import sys, {module}\n"
        f"print(*(name for name in {forbidden.split()!r} if name in sys.modules))"
    )
    run = [sys.executable, "-c", script]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@tree
@pytest.mark.parametrize("name", ["run.txt", "image.txt", "all.txt", "compile.txt", "msk.txt"])
def test_locked_requirements_have_hashes_and_name_no_host(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    pins = re.findall(r"^[a-z0-9][^\n]*==[^\n]*", text, re.MULTILINE)
    assert pins
    assert all(pin.endswith("\\") for pin in pins), "each pin goes on with its hashes"
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|index-url|find-links", text)


@tree
def test_every_target_of_the_makefile_is_in_its_manual() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    explained = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert targets == explained
    done = subprocess.run(["make", "-s", "-C", ROOT], capture_output=True, text=True, check=True)
    assert all(f"make {target} " in done.stdout for target in targets)


@tree
def test_every_exemption_from_lint_gives_its_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in (*PORTIONS, "tests", "requirements")
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"# noqa(: [A-Z0-9, ]+)?\s*$", line) or re.search(r"#\s*type:\s*ignore", line)
    ]
    assert bare == []


def test_an_extra_that_is_missing_is_named() -> None:
    script = (
        "import sys\n"
        "sys.modules['sqlalchemy'] = None\n"
        "from plaudit.cli.main import main\n"
        "main(['endpoints', 'list'])\n"
    )
    run = [sys.executable, "-c", script]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "plaudit[server]"' in done.stderr
    assert "Traceback" not in done.stderr


@tree
def test_everything_that_a_compiled_build_names_exists_and_is_named_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    pure = [each for exclusion in hook["pure"] for each in exclusion["modules"]]
    named = [*hook["modules"], *pure]
    assert len(set(named)) == len(named)
    assert [each for each in named if not (ROOT / each).is_file()] == []
    assert [each for each in hook["folders"] if not (ROOT / each).is_dir()] == []
    # A module is named by itself only where its folder is not.
    inside = [each for each in pure if str(Path(each).parent) in hook["folders"]]
    assert inside == pure
    assert [each for each in hook["modules"] if str(Path(each).parent) in hook["folders"]] == []


HOT: Final = {"attempt.py", "settler.py"}
"""Compiled modules that run for every delivery: a call of another module costs more there."""


@tree
def test_the_wall_clock_is_read_in_one_place() -> None:
    found = {
        path.name
        for portion in PORTIONS
        for path in (ROOT / portion).rglob("*.py")
        if "time.time() * 1_000" in path.read_text()
    }
    assert found - HOT == {"times.py"}, "use plaudit.records.times.wall_ms"
