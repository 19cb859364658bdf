"""What can go wrong with a schema registry, apart from its client, which needs an extra.

RegistryFailure           the registry refused
├── RegistryUnavailable   away, or too slow: waiting helps
├── SchemaNotRegistered   run `plaudit schemas register`
├── SchemaUnusable        what is registered can't be read, or refers to what is not there
└── SchemaIncompatible    the registry's compatibility rule refuses the schema
"""

from __future__ import annotations


class RegistryFailure(Exception):
    """The registry could not be asked, or refused."""


class RegistryUnavailable(RegistryFailure):
    """The registry is away or did not answer in time."""


class SchemaNotRegistered(RegistryFailure):
    """The registry does not know the schema."""


class SchemaUnusable(RegistryFailure):
    """The registry has the schema, and it can't be used."""


class SchemaIncompatible(RegistryFailure):
    """The registry refuses the schema: readers of earlier versions would break."""
