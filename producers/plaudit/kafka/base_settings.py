"""Settings base class, whose errors name the variable in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from plaudit.kafka.errors import SettingsError

if TYPE_CHECKING:
    from typing import Self

PREFIX: Final = "PLAUDIT_"


class EnvSettings(BaseSettings):
    """Read from `PLAUDIT_*` and a `.env` file.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            name = "_".join(str(part) for part in first["loc"][:1]).upper()
            reason = str(first["msg"]).removeprefix("Value error, ")
            raise SettingsError(PREFIX + name, reason) from None
