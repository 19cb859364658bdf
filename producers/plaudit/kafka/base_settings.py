"""Base class of settings: errors fit on one line and name the variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from plaudit.kafka.errors import SettingsError
from plaudit.kafka.service_links import drop_service_links
from plaudit.records.validation import explained

if TYPE_CHECKING:
    from typing import Self

PREFIX: Final = "PLAUDIT_"


class EnvSettings(BaseSettings):
    """Settings that are read from `PLAUDIT_*` variables and a `.env` file.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
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
        """Ignore the variables that Kubernetes makes from the names of Services."""
        del settings_cls, file_secret_settings
        return init_settings, drop_service_links(env_settings), dotenv_settings

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = "_".join(str(part) for part in first["loc"][:1]).upper()
            prefix = cls.model_config.get("env_prefix", PREFIX)
            raise SettingsError(prefix + name, explained(first, quotes_text=False)) from None
