"""Database of a command, which names it if no setting chose it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import Engine

from plaudit.cli.ui.output import note
from plaudit.deliver.settings import SealSettings
from plaudit.store.db.database import VARIABLE, DatabaseSettings, open_database

if TYPE_CHECKING:
    from plaudit.store.log.payloads import PayloadStore

_FILE: Final = "sqlite:///"


def database_url() -> str:
    """Return the URL from the settings; print a default or new file on standard error."""
    settings = DatabaseSettings()
    url = settings.database_url
    chosen = "database_url" in settings.model_fields_set
    if not url.startswith(_FILE):
        return url
    file = Path(url.removeprefix(_FILE).partition("?")[0]).absolute()
    whose = f"{VARIABLE} names {'it' if chosen else 'another'}"
    if not file.exists():
        note(f"plaudit: making a new database, {file}; {whose}")
    elif not chosen:
        note(f"plaudit: the database is {file}; {whose}")
    return url


def opened_database() -> Engine:
    """Open the database of the settings; print the default one on standard error.

    Raises:
        SettingsError: the URL is invalid.
        DatabaseFailure: the database can't be reached.
    """
    return open_database(database_url())


def stored_events(engine: Engine) -> PayloadStore | None:
    """Return the events in the database; None without the keys that decrypt them."""
    from plaudit.store.log.payloads import PayloadStore  # noqa: PLC0415 - takes long

    keys = SealSettings().keys_if_set
    return None if keys is None else PayloadStore(engine, keys)


def existing_database() -> Engine | None:
    """Open the database of the settings; None if none is configured and no default exists."""
    settings = DatabaseSettings()
    url = settings.database_url
    chosen = "database_url" in settings.model_fields_set
    if not chosen and not Path(url.removeprefix(_FILE)).exists():
        return None
    return open_database(url)
