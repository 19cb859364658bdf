"""Addresses at which a registry answers with the schema of an id."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from plaudit.events.framing import GlobalId, SchemaId
from plaudit.events.registry.errors import SchemaUnusable

_CONFLUENT_API: Final = "/apis/ccompat/"
_OWN_API: Final = "/apis/registry/v2"
"""Apicurio's own API, which 2.x and 3.x serve."""


def schema_address(url: str, schema_id: SchemaId) -> str:
    """Return the address of a schema.

    Raises:
        SchemaUnusable: only Apicurio's own API resolves global ids, and the URL is not Apicurio's.
    """
    match schema_id:
        case UUID():
            return f"{url}/schemas/guids/{schema_id}"
        case GlobalId(number):
            base, found, _ = url.partition(_CONFLUENT_API)
            if not found:
                way_out = f"the URL of an Apicurio registry has {_CONFLUENT_API}v7"
                raise SchemaUnusable(f"schema id {schema_id} is Apicurio's, and {way_out}")
            return f"{base}{_OWN_API}/ids/globalIds/{number}?dereference=true"
        case int():
            return f"{url}/schemas/ids/{schema_id}"
