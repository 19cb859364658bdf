"""Settings of the outbox relay."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from plaudit.kafka.base_settings import EnvSettings
from plaudit.kafka.errors import SettingsError
from plaudit.outbox.events import RecordMaker
from plaudit.outbox.queue import EventQueue
from plaudit.outbox.sqlite import SqliteQueue
from plaudit.outbox.table import TABLE, Dialect, TableNameRefused

PREFIX: Final = "PLAUDIT_OUTBOX_"
URL: Final = "PLAUDIT_OUTBOX_URL"
TABLE_VARIABLE: Final = "PLAUDIT_OUTBOX_TABLE"
_SQLITE: Final = "sqlite:///"
_EXAMPLE: Final = "postgresql://user@host/database or sqlite:///path/of/file.db"


class OutboxSettings(EnvSettings):
    """Settings of `plaudit outbox`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    url: SecretStr = Field(
        default=SecretStr(""),
        description="The database that holds an outbox: postgresql://…, or sqlite:///FILE.",
    )
    table: str = Field(default=TABLE, description="Name of the outbox's table.")
    metrics_port: int = Field(
        default=0,
        ge=0,
        lt=65_536,
        description="Port of the relay's /metrics, /healthz and /readyz; 0: none.",
    )

    @property
    def dialect(self) -> Dialect:
        """Database of the outbox.

        Raises:
            SettingsError: the URL is missing, or its database is not supported.
        """
        return dialect_of(self.url.get_secret_value())


def read_settings() -> OutboxSettings:
    """Read the environment.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """
    return OutboxSettings()


def dialect_of(url: str) -> Dialect:
    """Return the database of a URL; SQLAlchemy's form with a driver is accepted.

    Raises:
        SettingsError: the URL is missing, or its database is not supported.
    """
    if not url:
        raise SettingsError(URL, f"not set; give {_EXAMPLE}")
    if url.startswith(_SQLITE) and url != _SQLITE:
        return "sqlite"
    if urlsplit(url).scheme.partition("+")[0] in {"postgresql", "postgres"}:
        return "postgresql"
    raise SettingsError(URL, f"an outbox can't be in this database; give {_EXAMPLE}")


def open_queue(settings: OutboxSettings, make: RecordMaker) -> EventQueue:
    """Return the outbox, without connecting.

    Raises:
        SettingsError: a setting is invalid, or the driver is not installed.
    """
    url = settings.url.get_secret_value()
    try:
        if settings.dialect == "sqlite":
            return SqliteQueue(Path(url.removeprefix(_SQLITE)), make, settings.table)
        try:
            # Only installations with Postgres need its driver.
            from plaudit.outbox.postgres import PostgresQueue  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            reason = f'{error.name} is missing; pip install "plaudit[postgres]"'
            raise SettingsError(URL, reason) from None
        scheme, _, rest = url.partition("://")
        return PostgresQueue(f"{scheme.partition('+')[0]}://{rest}", make, settings.table)
    except TableNameRefused as error:
        raise SettingsError(TABLE_VARIABLE, str(error)) from None
