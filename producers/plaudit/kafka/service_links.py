"""Environment variables that Kubernetes derives from Services, which are not settings.

For a Service `plaudit-kafka`, each container of the namespace gets PLAUDIT_KAFKA_SERVICE_HOST,
PLAUDIT_KAFKA_PORT=tcp://10.96.0.9:9092 and PLAUDIT_KAFKA_PORT_9092_TCP_ADDR, among others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic_settings import EnvSettingsSource, PydanticBaseSettingsSource

_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://\S+:[0-9]{1,5}")
_NAMED: Final = re.compile(
    r"[A-Z0-9_]+?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|"
    r"PORT_[0-9]{1,5}_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)


def is_service_link(name: str, value: str) -> bool:
    """Return whether Kubernetes derived a variable from the name of a Service."""
    if _NAMED.fullmatch(name):
        return True
    return name.endswith("_PORT") and _ADDRESS.fullmatch(value) is not None


def without_service_links(given: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the variables that are not derived from Services."""
    return {
        name: value
        for name, value in given.items()
        if not is_service_link(name.upper(), value or "")
    }


def drop_service_links(source: PydanticBaseSettingsSource) -> PydanticBaseSettingsSource:
    """Return a source of settings that ignores the variables derived from Services."""
    if isinstance(source, EnvSettingsSource):
        source.env_vars = without_service_links(source.env_vars)
    return source
