"""The AsyncAPI document is one by its own specification, and says what is really sent."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from plaudit.cli.asyncapi import asyncapi
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.json_schema import webhook_schema
from plaudit.events.rendering import render

# The official schema of AsyncAPI 3.0.0 without `$id`s, from the npm package @asyncapi/specs 6.11.1
# (Apache-2.0).
OFFICIAL = Path(__file__).with_name("asyncapi-3.0.0.schema.json.gz")


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(asyncapi())


def test_it_is_valid_by_the_official_schema(document: Any) -> None:
    schema = json.loads(gzip.decompress(OFFICIAL.read_bytes()))
    validator = jsonschema.Draft7Validator(schema)
    assert list(validator.iter_errors(document)) == []
    document = {**document, "channels": {"x": {"address": 7}}}
    assert list(validator.iter_errors(document)), "it can fail"


def test_every_reference_leads_somewhere(document: Any) -> None:
    def check(node: Any) -> int:
        if isinstance(node, list):
            return sum(map(check, node))
        if not isinstance(node, dict):
            return 0
        reference = node.get("$ref")
        if reference is None:
            return sum(map(check, node.values()))
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return 1

    assert check(document) > 2 * len(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_what_is_delivered_is_what_its_schema_says(name: str) -> None:
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
