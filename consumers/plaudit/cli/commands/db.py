"""`plaudit db`: migrations of the control plane's database."""

from __future__ import annotations

from typing import Annotated

import typer

from plaudit.cli.ui.database import database_url
from plaudit.cli.ui.output import fail, print_json
from plaudit.store.db.database import SchemaOutdated, connect, migrate, revisions
from plaudit.store.db.database import check as check_tables

app = typer.Typer(no_args_is_help=True, help="Migrate and check the database.")


@app.command("migrate")
def migrate_tables() -> None:
    """Migrate the tables to this release; idempotent. Earlier releases may run meanwhile."""
    engine = connect(database_url())
    before, _ = revisions(engine)
    migrate(engine)
    after, _ = revisions(engine)
    engine.dispose()
    typer.echo(f"{before or 'no tables'} → {after}" if before != after else f"at {after}")


@app.command()
def check(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the tables with this release; exit 1 if it can't use them."""
    engine = connect(database_url())
    found, wanted = revisions(engine)
    problem = None
    try:
        check_tables(engine)
    except SchemaOutdated as error:
        problem = str(error)
    finally:
        engine.dispose()
    if as_json:
        print_json({"found": found, "wanted": wanted, "ok": problem is None})
    if problem is not None:
        fail(problem)
    if not as_json:
        later = "" if found == wanted else f", which works with this release ({wanted})"
        typer.echo(f"at {found}{later}")
