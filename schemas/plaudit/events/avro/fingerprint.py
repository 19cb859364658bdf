"""Fingerprints of Avro schemas (Avro specification, "Schema Fingerprints")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastavro import parse_schema
from fastavro.schema import fingerprint as hexadecimal
from fastavro.schema import to_parsing_canonical_form


def fingerprint(schema: Mapping[str, Any]) -> bytes:
    """Return CRC-64-AVRO of the parsing canonical form: 8 bytes, little endian.

    Raises:
        ValueError: the text is not an Avro schema.
    """
    # Parsing annotates the schema in place, so copy it.
    parsed = parse_schema(json.loads(json.dumps(schema)))
    return bytes.fromhex(hexadecimal(to_parsing_canonical_form(parsed), "CRC-64-AVRO"))
