"""Errors of a schema registry. They live apart from the client, which needs an extra.

RegistryFailure           the registry refused the request
├── RegistryUnavailable   unreachable, or too slow: retry
├── SchemaNotRegistered   run `plaudit schemas register`
├── SchemaUnusable        the registered schema can't be parsed, or has a missing reference
└── SchemaIncompatible    the registry's compatibility rule refuses the schema
"""

from __future__ import annotations


class RegistryFailure(Exception):
    """The registry could not be asked, or refused the request."""


class RegistryUnavailable(RegistryFailure):
    """The registry is unreachable or did not respond in time."""


class SchemaNotRegistered(RegistryFailure):
    """The registry does not know the schema."""


class SchemaUnusable(RegistryFailure):
    """The registry has the schema, but it can't be used."""


class SchemaIncompatible(RegistryFailure):
    """The registry refuses the schema: readers of earlier versions would break."""
