"""Arguments and options that the `plaudit endpoints` commands share."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from plaudit.cli.ui.workspace_option import workspace_option
from plaudit.endpoints.signing import KINDS
from plaudit.formats.catalogue import FORMATS
from plaudit.store.endpoints.spec import InputRefused

Endpoint = Annotated[
    str,
    typer.Argument(metavar="ENDPOINT", help="Its name, its id, or the first characters of it."),
]
Workspace = Annotated[
    str | None, workspace_option("Id of the workspace, if the name is not unique.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
TYPES: Final = "Event types, comma-separated."
Spaces = Annotated[
    list[str] | None,
    typer.Option("--space", metavar="UUID", help="Only events of this space; repeatable."),
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME: VALUE", help="Header of every request; repeatable."),
]
Rate = Annotated[float | None, typer.Option(metavar="NUMBER", help="Most requests per second.")]
Schedule = Annotated[
    str | None, typer.Option(metavar="DELAYS", help="Delays between attempts, such as 5s,5m.")
]
_FORMAT: Final = typer.Option(
    "--format", metavar="FORMAT", help=f"Format of the body: {', '.join(FORMATS)}."
)
Format = Annotated[str, _FORMAT]
NewFormat = Annotated[str | None, _FORMAT]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="JSON",
        help='Content filter, such as {"field": "testimonial.rating.value", "gt": 3}.',
    ),
]
_SIGNING: Final = typer.Option("--signing", metavar="KIND", help=f"Signatures: {', '.join(KINDS)}.")
Signing = Annotated[str, _SIGNING]
NewSigning = Annotated[str | None, _SIGNING]
Secret = Annotated[
    str | None, typer.Option(metavar="SECRET", help="whsec_…; a new one by default.")
]


def listed(text: str | None) -> tuple[str, ...]:
    """Return the event types of an option; `all` means none in particular."""
    if text is None or text.strip() == "all":
        return ()
    return tuple(part.strip() for part in text.split(",") if part.strip())


def headers_of(given: list[str] | None) -> dict[str, str]:
    """Return headers by name.

    Raises:
        InputRefused: a text is not `NAME: VALUE`.
    """
    headers = {}
    for line in given or ():
        name, colon, value = line.partition(":")
        if not colon:
            raise InputRefused("--header", f"{line!r} is not NAME: VALUE")
        headers[name.strip()] = value.strip()
    return headers
