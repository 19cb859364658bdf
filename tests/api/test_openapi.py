"""The OpenAPI document, as client generators and linters read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from plaudit.api.app import create_app
from plaudit.api.dependencies import ApiServices


@pytest.fixture(name="document", scope="module")
def openapi_document() -> dict[str, Any]:
    """The document, which depends on no service."""
    return create_app(object.__new__(ApiServices)).openapi()


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every operation."""
    for methods in document["paths"].values():
        yield from methods.values()


def test_operations_have_plain_names_and_declared_tags(document: dict[str, Any]) -> None:
    names = [each["operationId"] for each in operations(document)]
    assert len(names) == len(set(names)) > 30
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", each) for each in names), names
    used = {tag for each in operations(document) for tag in each["tags"]}
    # `portal` belongs to the console, which adds its route to this application.
    assert used | {"portal"} == {each["name"] for each in document["tags"]}
    assert all(each["description"] for each in document["tags"])


def test_the_document_names_its_licence_and_its_server(document: dict[str, Any]) -> None:
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert [each["url"] for each in document["servers"]] == ["/"]
    assert "contact" not in document["info"]


def examples(node: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield each schema that has an example, with the example."""
    match node:
        case dict():
            inner = node.get("schema")
            if isinstance(inner, dict) and "example" in node:
                yield inner, node["example"]
            if isinstance(node.get("examples"), list):
                yield from ((node, each) for each in node["examples"])
            for name, each in node.items():
                if name not in {"example", "examples"}:
                    yield from examples(each)
        case list():
            for each in node:
                yield from examples(each)
        case _:
            return


def test_every_example_satisfies_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for schema, example in examples(document):
        whole = {"components": document["components"], **schema}
        Draft202012Validator(whole).validate(example)
        checked += 1
    assert checked > 10


def test_a_published_event_has_free_data_in_a_named_schema(document: dict[str, Any]) -> None:
    [body] = document["paths"]["/v1/events"]["post"]["requestBody"]["content"].values()
    assert body["schema"]["anyOf"] == [
        {"$ref": "#/components/schemas/EventIn"},
        {"$ref": "#/components/schemas/EventBatch"},
    ]
    data = document["components"]["schemas"]["EventIn"]["properties"]["data"]
    assert data["additionalProperties"] is True
