"""Kafka settings: brokers, credentials, and the names of this installation's topics.

Values come from the environment and from a `.env` file in the working directory; the environment
wins. Any librdkafka property can be set as `PLAUDIT_KAFKA_<PROPERTY>`, with an underscore for each
dot: `PLAUDIT_KAFKA_SASL_MECHANISM` is `sasl.mechanism`. No property with a text value has an
underscore in its name, so the mapping is unambiguous.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from plaudit.kafka.errors import SettingsError
from plaudit.kafka.identity import client_id
from plaudit.kafka.service_links import drop_service_links, without_service_links
from plaudit.kafka.token_provider import VARIABLE as TOKEN_PROVIDER
from plaudit.records.delays import Delay, DelayError, parse_delays, tiers_of
from plaudit.records.names import DEFAULT_PREFIX, Names
from plaudit.records.validation import in_words

if TYPE_CHECKING:
    from typing import Self

    from pydantic.fields import FieldInfo

PASSTHROUGH: Final = "PLAUDIT_KAFKA_"
BOOTSTRAP: Final = "KAFKA_BOOTSTRAP_SERVERS"
SCHEDULE: Final = "PLAUDIT_RETRY_SCHEDULE"
TIERS: Final = "PLAUDIT_RETRY_TIERS"
TOPICS_FILE: Final = "PLAUDIT_TOPICS_FILE"
REGISTRY_URL: Final = "PLAUDIT_SCHEMA_REGISTRY_URL"
DEFAULT_SCHEDULE: Final = "5s,5m,30m,2h,5h,10h,14h,20h,24h"
# Tiers that the schedule does not use serve `Retry-After` and diversions.
DEFAULT_TIERS: Final = "5s,30s,2m,5m,15m,30m,1h,2h,5h,10h,14h,20h,24h"

_ENV_FILE: Final = ".env"
_NONE: Final[Mapping[str, object]] = MappingProxyType({})
_OAUTH: Final[Mapping[str, object]] = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanisms": "OAUTHBEARER",
}
"""Defaults with a token provider."""
_SERVER: Final = re.compile(r"([A-Za-z_]+://)?(\[[0-9A-Fa-f:.%]+\]|[^\s:,/\[\]]+)(:[0-9]{1,5})?")
# Kafka allows 249 characters in a topic name; the longest of ours after the prefix has 16.
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,200}")


def variable_of(librdkafka_property: str) -> str:
    """Return the environment variable that sets a librdkafka property."""
    return PASSTHROUGH + librdkafka_property.replace(".", "_").upper()


class _Passthrough(PydanticBaseSettingsSource):
    """Source of `PLAUDIT_KAFKA_*` variables."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:
        """Return nothing: this source is not read field by field."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, object]:
        given = without_service_links({**dotenv_values(_ENV_FILE), **os.environ})
        properties = {
            name.removeprefix(PASSTHROUGH).lower().replace("_", "."): value
            for name, value in given.items()
            if name.startswith(PASSTHROUGH) and value
        }
        return {"properties": properties} if properties else {}


class KafkaSettings(BaseSettings):
    """Settings of every component that connects to Kafka.

    `KafkaSettings()` reads the environment; keyword arguments (by field name) take precedence.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    model_config = SettingsConfigDict(
        env_file=_ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    bootstrap_servers: str = Field(
        default="",
        validation_alias=BOOTSTRAP,
        description="Initial brokers, as host:port, comma-separated.",
    )
    topic_prefix: str = Field(
        default=DEFAULT_PREFIX,
        validation_alias="PLAUDIT_TOPIC_PREFIX",
        description="Prefix of the names of topics, groups and transactional ids.",
    )
    schema_registry_url: str | None = Field(
        default=None,
        repr=False,  # may contain a password
        validation_alias=REGISTRY_URL,
        description="Confluent-compatible registry; if unset, the `schemas` topic is used.",
    )
    retry_schedule: str | None = Field(
        default=None,
        validation_alias=SCHEDULE,
        description=f"Delays between attempts, a subset of the tiers; {DEFAULT_SCHEDULE} if unset.",
    )
    retry_tiers: str | None = Field(
        default=None,
        validation_alias=TIERS,
        description="Delays that have a topic; those of the schedule if only that is set.",
    )
    topics_file: Path | None = Field(
        default=None,
        validation_alias=TOPICS_FILE,
        description="TOML file that overrides the shipped declaration of topics.",
    )
    token_provider: str | None = Field(
        default=None,
        validation_alias=TOKEN_PROVIDER,
        description="Source of OAUTHBEARER tokens: msk-iam, or package.module:function.",
    )
    properties: dict[str, SecretStr] = Field(
        default_factory=dict,
        validation_alias="properties",
        description="librdkafka properties, from PLAUDIT_KAFKA_*.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read `PLAUDIT_KAFKA_*` in addition to the named fields."""
        del file_secret_settings
        env = drop_service_links(env_settings)
        return init_settings, env, dotenv_settings, _Passthrough(settings_cls)

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            settings = handler(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = str(first["loc"][0]) if first["loc"] else "settings"
            raise SettingsError(_variable(name), in_words(first["msg"])) from None
        _delays(settings.retry_schedule, settings.retry_tiers)
        return settings

    @field_validator("bootstrap_servers")
    @classmethod
    def _servers(cls, value: str) -> str:
        for part in filter(None, value.split(",")):
            if _SERVER.fullmatch(part.strip()) is None:
                msg = f"{part.strip()!r} is not host:port"
                raise ValueError(msg)
        return value

    @field_validator("topic_prefix")
    @classmethod
    def _legal_prefix(cls, value: str) -> str:
        if _PREFIX.fullmatch(value) is None:
            msg = f"{value!r}: at most 200 letters, digits, dots, dashes and underscores"
            raise ValueError(msg)
        return value

    @field_validator("schema_registry_url")
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                msg = "not a URL such as https://registry.example:8081"
                raise ValueError(msg)
        return value

    @property
    def names(self) -> Names:
        """Names of topics, groups and transactional ids."""
        return Names(self.topic_prefix)

    @property
    def schedule(self) -> tuple[Delay, ...]:
        """Delays between attempts; the first attempt has no delay and is not listed."""
        return _delays(self.retry_schedule, self.retry_tiers)[0]

    @property
    def tiers(self) -> tuple[Delay, ...]:
        """All delays that have a retry topic, shortest first, without `now`."""
        return _delays(self.retry_schedule, self.retry_tiers)[1]

    @property
    def groups_by_broker(self) -> bool:
        """Whether groups use KIP-848: the broker assigns, and sets the session time-out."""
        protocol = self.properties.get("group.protocol")
        return protocol is not None and protocol.get_secret_value() == "consumer"

    def client_config(
        self, defaults: Mapping[str, object] = _NONE, /, **enforced: object
    ) -> dict[str, object]:
        """Return the configuration of one librdkafka client; it may contain passwords.

        Args:
            defaults: properties that `PLAUDIT_KAFKA_*` may override.
            **enforced: properties that it may not, because correctness depends on them.

        Raises:
            SettingsError: no brokers are set, or `PLAUDIT_KAFKA_*` contradicts an enforced
                property.
        """
        given = {name: value.get_secret_value() for name, value in self.properties.items()}
        servers = self.bootstrap_servers or given.get("bootstrap.servers")
        if not servers:
            raise SettingsError(BOOTSTRAP, "not set; set it to a broker's host:port")
        for name, value in enforced.items():
            if name in given and given[name].lower() != str(value).lower():
                raise SettingsError(variable_of(name), f"Plaudit needs {name}={value}; unset it")
        base: dict[str, object] = {"client.id": client_id()}
        if self.token_provider is not None:
            base |= _OAUTH
            if "sasl.mechanism" in given:  # another name of the same property
                del base["sasl.mechanisms"]
        return {**base, **defaults, **given, **enforced, "bootstrap.servers": servers}


def _delays(schedule: str | None, tiers: str | None) -> tuple[tuple[Delay, ...], tuple[Delay, ...]]:
    """Parse schedule and tiers; tiers default to the schedule when only that is set.

    Raises:
        SettingsError: an entry is not a delay, or the schedule has a delay without a tier.
    """
    waits = _read(SCHEDULE, schedule or DEFAULT_SCHEDULE)
    offered = _read(TIERS, tiers or (schedule or DEFAULT_TIERS))
    try:
        tiers_of((*waits, *offered))
    except DelayError as error:
        raise SettingsError(TIERS if tiers else SCHEDULE, str(error)) from None
    for delay in waits:
        if delay not in offered:
            hint = "" if schedule else f"; set {SCHEDULE} too"
            msg = f"no tier for {delay}, which the schedule needs{hint}"
            raise SettingsError(TIERS, msg)
    return waits, tiers_of(offered)


def _read(variable: str, text: str) -> tuple[Delay, ...]:
    try:
        delays = parse_delays(text)
    except DelayError as error:
        raise SettingsError(variable, str(error)) from None
    if not all(delay.millis for delay in delays):
        raise SettingsError(variable, "`now` is not allowed here; the first attempt has no delay")
    return delays


def _variable(field: str) -> str:
    """Return the variable behind a field, or the field's own name."""
    info = KafkaSettings.model_fields.get(field)
    alias = info.validation_alias if info is not None else None
    return alias if isinstance(alias, str) else field
