"""Generated files of the Helm chart: rights, topics, the schema of values, and their reference."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

from plaudit.kafka.admin.roles import Grant, Role, grants
from plaudit.kafka.admin.topic_specs import declared
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Names

CHART: Final = Path("deploy/helm/plaudit")
DEPLOYED: Final = (Role.DELIVER, Role.RECORD, Role.SERVE, Role.RELAY, Role.DLQ, Role.OPERATOR)
_FREE: Final = frozenset({"resources", "dashboardLabels"})
"""Values that Kubernetes checks itself."""
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "pullPolicy": ("Always", "IfNotPresent", "Never"),
    "type": ("none", "sasl", "mtls"),
}
_LINE: Final = re.compile(r"( *)([A-Za-z]+):(?: (.*))?")
_HEAD: Final = """\
# Values of the chart

Generated from `values.yaml` by `make chart`. Names that do not exist are refused.
[Kubernetes](../../../docs/kubernetes.md) is the guide.

| value | default | meaning |
|---|---|---|
"""


def files(values: str) -> dict[str, str]:
    """Return the generated files of the chart, by path in it.

    Args:
        values: text of `values.yaml`.
    """
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_schema("", yaml.safe_load(values)),
    }
    rows = "".join(f"| `{path}` | {value} | {what} |\n" for path, value, what in _rows(values))
    return {
        "files/rights.json": _json({role: _rights(role) for role in DEPLOYED}),
        "files/topics.json": _json(list(_topics())),
        "values.schema.json": _json(schema),
        "README.md": _HEAD + rows,
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


def _rights(role: Role) -> list[dict[str, object]]:
    """Return a role's rights as Strimzi writes them; names lack the prefix of the installation."""
    return [_acl(grant) for grant in grants(role, Names(""))]


def _acl(grant: Grant) -> dict[str, object]:
    return {
        "kind": "transactionalId" if grant.kind == "transactional-id" else grant.kind,
        "name": grant.name,
        "pattern": "prefix" if grant.prefixed else "literal",
        "operations": [_camel(each) for each in grant.operations],
    }


def _camel(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))


def _topics() -> Iterator[dict[str, object]]:
    """Yield the declared topics; names lack the prefix of the installation."""
    for spec in declared(KafkaSettings(topic_prefix="")):
        yield {
            "name": spec.name,
            "partitions": spec.partitions,
            "replicas": spec.replication,
            "config": dict(spec.config),
        }


def _schema(name: str, value: object) -> dict[str, object]:
    match value:
        case dict() if value and name not in _FREE:
            members = {each: _schema(each, inner) for each, inner in value.items()}
            if not name:
                members["global"] = {"type": "object"}  # Helm adds it
            return {"type": "object", "additionalProperties": False, "properties": members}
        case dict():
            return {"type": "object"}
        case list():
            return {"type": "array"}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer", "minimum": 0}
        case _ if name in _CHOICES:
            return {"enum": list(_CHOICES[name])}
        case _:
            return {"type": "string"}


def _rows(values: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, default and meaning of each documented value."""
    path: list[str] = []
    meaning = ""
    for line in values.splitlines():
        comment = line.strip()
        if comment.startswith("# -- "):
            meaning = comment.removeprefix("# -- ")
        elif comment.startswith("#"):
            meaning = f"{meaning} {comment.removeprefix('# ')}" if meaning else ""
        elif found := _LINE.fullmatch(line):
            path = [*path[: len(found[1]) // 2], found[2]]
            if meaning:
                yield ".".join(path), f"`{found[3]}`" if found[3] else "see `values.yaml`", meaning
            meaning = ""


def main() -> None:
    """Write the files below the current directory, the root of the repository."""
    for name, text in files((CHART / "values.yaml").read_text(encoding="utf-8")).items():
        (CHART / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
