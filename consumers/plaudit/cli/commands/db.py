"""`plaudit db`: migrations of the control plane's database."""

from __future__ import annotations

from typing import Annotated

import typer

from plaudit.cli.ui.database import database_url
from plaudit.cli.ui.output import fail, print_json
from plaudit.store.db.database import connect, migrate, revisions

app = typer.Typer(no_args_is_help=True, help="Migrate and check the database.")


@app.command("migrate")
def migrate_tables() -> None:
    """Migrate the tables to this release; idempotent."""
    engine = connect(database_url())
    before, wanted = revisions(engine)
    migrate(engine)
    engine.dispose()
    typer.echo(f"{before or 'no tables'} → {wanted}" if before != wanted else f"at {wanted}")


@app.command()
def check(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the tables with this release; exit 1 if they differ."""
    engine = connect(database_url())
    found, wanted = revisions(engine)
    engine.dispose()
    if as_json:
        print_json({"found": found, "wanted": wanted, "ok": found == wanted})
    if found != wanted:
        state = f"is at revision {found}, not {wanted}" if found else "is empty"
        fail(f"the database {state}; run `plaudit db migrate`")
    if not as_json:
        typer.echo(f"at {wanted}")
