"""The AsyncAPI document is one by its own specification, and says what is really sent."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from plaudit.cli.docs.asyncapi import asyncapi
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder
from plaudit.events.docs.json_schema import webhook_schema
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.rendering import render

# The official schema of AsyncAPI 3.1.0 without `$id`s, from the npm package @asyncapi/specs 6.11.1
# (Apache-2.0).
OFFICIAL = Path(__file__).with_name("asyncapi-3.1.0.schema.json.gz")


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(asyncapi())


def test_it_is_valid_by_the_official_schema(document: Any) -> None:
    schema = json.loads(gzip.decompress(OFFICIAL.read_bytes()))
    validator = jsonschema.Draft7Validator(schema)
    # As the official parser does, references in Avro first: for the schema's own idea of Avro, none
    # of its types could be one. The parser (@asyncapi/parser 3) takes the document as it stands.
    assert list(validator.iter_errors(avro_followed(document, document))) == []
    document = {**document, "channels": {"x": {"address": 7}}}
    assert list(validator.iter_errors(document)), "it can fail"


def followed(document: Any, node: Any) -> Any:
    """Return a part with what its references lead to in their places."""
    match node:
        case {"$ref": str(reference)}:
            found = document
            for part in reference.removeprefix("#/").split("/"):
                found = found[part]
            return followed(document, found)
        case dict():
            return {key: followed(document, each) for key, each in node.items()}
        case list():
            return [followed(document, each) for each in node]
        case _:
            return node


def avro_followed(document: Any, node: Any) -> Any:
    """Return a part with the references in its Avro schemas followed, and no others."""
    match node:
        case {"schemaFormat": _, "schema": schema}:
            return {**node, "schema": followed(document, schema)}
        case dict():
            return {key: avro_followed(document, each) for key, each in node.items()}
        case list():
            return [avro_followed(document, each) for each in node]
        case _:
            return node


def test_every_reference_leads_somewhere(document: Any) -> None:
    assert "$ref" in json.dumps(document)
    assert "$ref" not in json.dumps(followed(document, document))


@pytest.mark.parametrize("name", CATALOGUE)
def test_an_avro_schema_with_references_equals_the_shipped_one(document: Any, name: str) -> None:
    message = document["components"]["messages"][CATALOGUE[name].record.rpartition(".")[2]]
    assert followed(document, message["payload"]["schema"]) == CATALOGUE[name].schema


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_webhooks_schema_with_references_accepts_delivered_bodies(
    document: Any, name: str
) -> None:
    message = document["components"]["messages"][
        f"{CATALOGUE[name].record.rpartition('.')[2]}Webhook"
    ]
    validator = jsonschema.Draft7Validator(followed(document, message["payload"]))
    body = json.loads(render(EventDecoder().decode(encode(example(name)))))
    validator.validate(body)
    del body["data"]["workspace_id"]
    assert not validator.is_valid(body)


def test_no_named_type_is_defined_twice(document: Any) -> None:
    def count(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if str(node.get("type")) in {"record", "enum"} and "name" in node:
                yield json.dumps(node)
            for each in node.values():
                yield from count(each)
        elif isinstance(node, list):
            for each in node:
                yield from count(each)

    found = Counter(count(document["components"]))
    assert len(found) > len(CATALOGUE)
    assert set(found.values()) == {1}


@pytest.mark.parametrize("name", CATALOGUE)
def test_delivered_bodies_match_their_schema(name: str) -> None:
    body = json.loads(render(EventDecoder().decode(encode(example(name)))))
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    validator = jsonschema.Draft202012Validator(
        webhook_schema(CATALOGUE[name]), format_checker=checker
    )
    validator.validate(body)
    described = validator.schema["properties"]["data"]["properties"]
    assert described.keys() == body["data"].keys()
    del body["data"]["workspace_id"]
    assert not validator.is_valid(body)


def test_personal_data_is_marked() -> None:
    schema = webhook_schema(CATALOGUE["testimonial.approved"])
    testimonial = schema["properties"]["data"]["properties"]["testimonial"]["properties"]
    customer = testimonial["customer"]["properties"]
    assert customer["email"]["x-personal-data"] is True
    assert "x-personal-data" not in customer["customer_id"]
