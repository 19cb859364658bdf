"""The OpenAPI document in the linters and the TypeScript generator that people use."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from interop.toolchain import INSTALLED, tool
from plaudit.api.app import create_app
from plaudit.api.dependencies import ApiServices

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(200)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the document."""
    document = create_app(object.__new__(ApiServices)).openapi()
    (tmp_path / "openapi.json").write_text(json.dumps(document, indent=1))
    return tmp_path


def run(folder: Path, *command: str) -> str:
    """Run a tool in a folder; return what it prints, or fail with that."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_redocly_finds_nothing(folder: Path) -> None:
    (folder / "redocly.yaml").write_text("extends: [recommended]\ntelemetry: 'off'\n")
    said = run(folder, tool("redocly"), "lint", "openapi.json")
    assert "You have" not in said, said


def test_spectral_finds_nothing_but_the_missing_contact(folder: Path) -> None:
    (folder / "rules.yaml").write_text("extends: ['spectral:oas']\nrules: {info-contact: 'off'}\n")
    run(folder, tool("spectral"), "lint", "-r", "rules.yaml", "-F", "warn", "openapi.json")


def test_a_caller_in_strict_typescript_compiles(folder: Path) -> None:
    generator = tool("openapi-typescript")
    run(folder, generator, "openapi.json", "-o", "api.ts", "--default-non-nullable=false")
    shutil.copy(Path(__file__).with_name("client.ts"), folder)
    compiler = tool("tsc")
    (folder / "node_modules").symlink_to(INSTALLED / "node_modules")
    options = "--strict --noEmit --skipLibCheck --target es2022 --module esnext"
    options += " --moduleResolution bundler"
    run(folder, compiler, *options.split(), "client.ts")
