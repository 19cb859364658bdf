"""Migration runner; a separate module, because importing Alembic takes long."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import alembic.command
import alembic.config
import alembic.script
from sqlalchemy.engine import Connection


def upgrade(connection: Connection) -> None:
    """Run the pending migrations."""
    alembic.command.upgrade(configured(connection), "head")


def configured(connection: Connection) -> alembic.config.Config:
    """Return the configuration of Alembic for a connection."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def newest() -> str | None:
    """Return the newest migration."""
    return alembic.script.ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    folder = resources.files("plaudit.store") / "migrations"
    config.set_main_option("script_location", str(Path(str(folder))).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
