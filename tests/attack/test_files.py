"""Files that commands write are their owner's alone."""

from __future__ import annotations

import ast
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from command import CommandLine
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.access.api_keys import KeyService, Scope
from plaudit.store.db.database import open_database

ROOT: Final = Path(__file__).parents[2]
PUBLIC: Final = {
    "producers/plaudit/bulk/private.py": "the openers themselves",
    "producers/plaudit/outbox/sqlite.py": "an empty file, for its lock",
    "producers/plaudit/importer/journal.py": "an empty file, for its lock",
    "consumers/plaudit/cli/registry.py": "the null device",
    "consumers/plaudit/cli/commands/schemas.py": "the catalogue of event types",
    "consumers/plaudit/cli/docs/chart.py": "files of the source tree",
    "consumers/plaudit/cli/docs/monitoring/files.py": "files of the source tree",
    "consumers/plaudit/dev/console.py": "logs in a temporary folder of the user",
    "consumers/plaudit/dev/guarded.py": "logs in a temporary folder of the user",
    "consumers/plaudit/dev/processes.py": "logs in a temporary folder of the user",
    "consumers/plaudit/dev/kafka_node.py": "a local broker's folder",
    "consumers/plaudit/dev/kafka_jars.py": "downloaded programs",
    "schemas/plaudit/events/generate/__main__.py": "files of the source tree",
}


def opens_for_writing(call: ast.Call) -> bool:
    """Return whether a call may make a file that others can read."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    name = call.func.id if isinstance(call.func, ast.Name) else name
    if name in {"write_text", "write_bytes"}:
        return True
    of_os = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "os"
    if name != "open" or any(each.arg == "opener" for each in call.keywords):
        return False
    modes = [
        each.value
        for each in (*call.args, *(given.value for given in call.keywords))
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    return of_os or any(set(mode) & set("wax") and len(mode) <= 3 for mode in modes)


def writers() -> Iterator[str]:
    """Yield the modules that may make such files."""
    for portion in ("schemas", "producers", "consumers"):
        for file in sorted((ROOT / portion).rglob("*.py")):
            calls = (each for each in ast.walk(ast.parse(file.read_text())))
            if any(isinstance(each, ast.Call) and opens_for_writing(each) for each in calls):
                yield str(file.relative_to(ROOT))


@pytest.mark.tree
def test_only_files_without_data_of_customers_are_made_as_the_umask_says() -> None:
    assert set(writers()) == set(PUBLIC)


def test_an_export_of_the_audit_log_is_private_and_never_written_over(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'plaudit.db'}"
    engine = open_database(url)
    KeyService(engine).create(Scope.ADMIN, None, "ops")
    engine.dispose()
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    plaudit = CommandLine(settings, {"PLAUDIT_DATABASE_URL": url})
    file = tmp_path / "audit.jsonl"
    assert plaudit("audit", "export", str(file)).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = file.read_text()
    assert '"key.created"' in written
    again = plaudit("audit", "export", str(file))
    assert (again.code, again.err.count("\n"), file.read_text()) == (2, 1, written)
    assert plaudit("audit", "export").out == written
