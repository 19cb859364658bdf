"""The start of a command: modules are imported without looking for garbage among them."""

from __future__ import annotations

import base64
import gc
import subprocess
import sys
from pathlib import Path

import pytest

from databases import new_sqlite
from plaudit.cli.main import main

SLOW = (
    "rich", "httpx", "httpcore", "alembic", "uvicorn", "starlette", "fastapi", "jinja2", "yaml",
    "sqlalchemy.dialects.postgresql", "sqlalchemy.orm",
)  # fmt: skip


def test_a_command_runs_with_the_garbage_collector(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, gc.isenabled()) == (0, True)
    assert capsys.readouterr().out.startswith("plaudit ")


@pytest.mark.parametrize("words", [("endpoints", "list"), ("deliveries", "list"), ("keys", "list")])
def test_a_list_starts_without_modules_that_it_does_not_need(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    program = (
        "import sys; from plaudit.cli.main import main\n"
        "try: main()\n"
        f"finally: print([each for each in {SLOW!r} if each in sys.modules])"
    )
    environment = {
        "PLAUDIT_DATABASE_URL": f"sqlite:///{new_sqlite(tmp_path / 'plaudit.db').url.database}",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "PLAUDIT_SECRET_KEY": base64.b64encode(bytes(32)).decode(),
    }
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
