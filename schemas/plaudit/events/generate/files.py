"""List and content of the generated files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from plaudit.events.avro.fingerprint import fingerprint
from plaudit.events.catalogue_table import TABLE
from plaudit.events.entity import Entity
from plaudit.events.generate import models
from plaudit.events.generate.inline import SourceError, inline, read_shared, read_types, render

FINGERPRINTS: Final = '''"""CRC-64-AVRO fingerprint of every schema, as in single-object encoding.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from typing import Final

FINGERPRINTS: Final = {{
{lines}}}
'''


def generated() -> dict[str, str]:
    """Return the text of every generated file by its path in the package.

    Raises:
        SourceError: a source can't be read, or the catalogue does not list it.
    """
    shared, types = read_shared(), read_types()
    for name in types.keys() ^ TABLE.keys():
        msg = f"{name}: needs both a source, source/types/{name}.avsc, and a line in the catalogue"
        raise SourceError(msg)
    whole = {name: inline(record, shared) for name, record in types.items()}
    files = {f"avsc/{name}.avsc": render(schema) for name, schema in whole.items()}
    files["fingerprints.py"] = _fingerprints(whole)
    return files | _models(shared, types)


def stale(package: Path, files: Mapping[str, str]) -> list[str]:
    """Return the paths under `package` that are missing or differ from `files`."""
    leftover = {
        str(path.relative_to(package)) for path in (package / "avsc").glob("*.avsc")
    } - files.keys()
    return sorted(
        leftover | {path for path, text in files.items() if _read(package / path) != text}
    )


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _fingerprints(whole: Mapping[str, Mapping[str, Any]]) -> str:
    lines = "".join(
        f'    "{name}": bytes.fromhex("{fingerprint(schema).hex()}"),\n'
        for name, schema in whole.items()
    )
    return FINGERPRINTS.format(lines=lines)


def _models(
    shared: Mapping[str, Mapping[str, Any]], types: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    enums = {name: node for name, node in shared.items() if node["type"] == "enum"}
    records = {name: node for name, node in shared.items() if node["type"] == "record"}
    members = {"enums": list(enums), "records": list(records), "event": ["EventModel"]}
    files = {
        "models/enums.py": models.enums_module(enums.values()),
        "models/records.py": models.records_module(records.values(), enums),
    }
    for entity in Entity:
        chosen = {name: types[name] for name, row in TABLE.items() if row.entity is entity}
        members[entity] = [str(node["name"]) for node in chosen.values()]
        files[f"models/{entity}.py"] = models.events_module(entity, chosen, enums, records)
    files["models/__init__.py"] = models.package_module(dict(sorted(members.items())))
    return files
