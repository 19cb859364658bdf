"""The rules that every schema keeps, and the files that are generated from them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import plaudit.events
from plaudit.events.avro.fingerprint import fingerprint
from plaudit.events.catalogue import CATALOGUE, UnknownEventType, lookup
from plaudit.events.compatibility import breaks, read_released
from plaudit.events.generate.files import generated, stale

TYPES = list(CATALOGUE)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for each in node:
            yield from nodes(each)
    elif isinstance(node, dict):
        yield node
        for key in ("type", "items", "values", "fields"):
            yield from nodes(node.get(key))


def test_there_are_twenty_types_and_none_by_another_name() -> None:
    assert len(CATALOGUE) == 20
    with pytest.raises(UnknownEventType, match=r"did you mean testimonial\.approved"):
        lookup("testimonial.aproved")


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_keeps_the_rules(name: str) -> None:
    for node in nodes(CATALOGUE[name].schema):
        if "name" in node:
            assert node.get("doc"), node["name"]
        if node.get("type") == "enum":
            assert node["symbols"][0] == node["default"] == "UNKNOWN"
        if isinstance(node.get("type"), list) and "name" in node:
            assert node["type"][0] == "null", f"{node['name']}: null comes first"
            assert node["default"] is None
        if node.get("logicalType") == "decimal":
            assert node["precision"] <= 15, "a float keeps at most 15 digits"


@pytest.mark.parametrize("name", TYPES)
def test_the_fingerprint_that_ships_is_the_schemas(name: str) -> None:
    assert CATALOGUE[name].fingerprint == fingerprint(CATALOGUE[name].schema)


@pytest.mark.tree
def test_generated_files_are_current() -> None:
    package = Path(str(plaudit.events.__path__[0]))
    assert stale(package, generated()) == [], "run: python -m plaudit.events.generate"


def test_every_release_reads_and_is_read() -> None:
    assert "0.1.0" in read_released()
    assert breaks() == []


def changed(name: str, change: str) -> dict[str, dict[str, Any]]:
    """Return a release of one schema, as it would have been before an incompatible change."""
    schema = json.loads(CATALOGUE[name].schema_json)
    fields = schema["fields"]
    match change:
        case "field added without a default":
            schema["fields"] = [each for each in fields if each["name"] != "testimonial"]
        case "field removed without a default":
            fields.append({"name": "gone", "type": "string"})
        case "type changed":
            [auto] = [each for each in fields if each["name"] == "auto"]
            auto["type"], auto["default"] = "string", ""
        case "renamed":
            schema["name"] = "Other"
    return {name: copy.deepcopy(schema)}


@pytest.mark.parametrize(
    "change",
    ["field added without a default", "field removed without a default", "type changed"],
)
def test_an_incompatible_change_is_caught(change: str) -> None:
    name = "testimonial.approved"
    found = breaks({"0.0.9": changed(name, change)})
    assert found
    assert {(each.event_type, each.version) for each in found} == {(name, "0.0.9")}


def test_removing_a_type_is_caught() -> None:
    assert breaks({"0.0.9": {"testimonial.vanished": {}}})
