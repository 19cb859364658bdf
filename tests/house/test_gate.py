"""The gate of the workflows: one required check that can't be green while a job is red."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^[\w./-]+@[0-9a-f]{40}$")


def workflow(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def test_the_required_check_always_runs_and_needs_every_other_job() -> None:
    jobs = workflow(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    gate = jobs.pop("required-checks")
    assert gate["if"] == "always()"
    assert sorted(gate["needs"]) == sorted(jobs)


@pytest.mark.parametrize(
    ("result", "green"),
    [("success", True), ("failure", False), ("skipped", False), ("cancelled", False)],
)
def test_the_required_check_passes_only_when_every_job_succeeded(result: str, green: bool) -> None:  # noqa: FBT001 - a column of the table
    steps = workflow(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["required-checks"]["steps"]
    needs = f'{{"lint": {{"result": "success"}}, "fast": {{"result": "{result}"}}}}'
    ended = subprocess.run(
        ["bash", "-e", "-c", steps[0]["run"]],
        env={"NEEDS": needs, "PATH": "/usr/bin:/bin"},
        check=False,
    )
    if ended.returncode == 127:
        pytest.skip("jq is missing")
    assert (ended.returncode == 0) is green


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_rights_by_default_and_every_job_ends(path: Path) -> None:
    loaded = workflow(path)
    assert loaded["permissions"] == {}
    assert "concurrency" in loaded
    assert [name for name, job in loaded["jobs"].items() if "timeout-minutes" not in job] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S+)", path.read_text())
    assert [name for name in used if not name.startswith("./") and not PINNED.match(name)] == []


def test_the_matrix_is_what_the_classifiers_claim() -> None:
    claimed = re.findall(
        r"Python :: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )
    jobs = workflow(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    for name in ("fast", "broker"):
        assert jobs[name]["strategy"]["matrix"]["python"] == claimed


def test_a_release_is_refused_while_the_changelog_has_no_dated_section() -> None:
    ended = subprocess.run(
        [sys.executable, ROOT / ".github" / "release_check.py", "v9.9.9"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("the tag is v9.9.9, but pyproject.toml has version")
