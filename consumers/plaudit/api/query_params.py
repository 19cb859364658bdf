"""Check of a request's query parameters: each is one that the route knows, and is given once."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from plaudit.api.problems import Refused
from plaudit.records.suggestions import suggestion


async def check_query(request: Request) -> None:
    """Refuse query parameters that the route would ignore; a dependency of every route.

    Raises:
        Refused: a parameter is unknown, or given twice.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    if given:
        check_names(given, _known(request.scope["route"]))


def check_names(given: list[str], known: frozenset[str]) -> None:
    """Check the names of a request's query parameters.

    Raises:
        Refused: one is unknown, or given twice.
    """
    for name in given:
        if name not in known:
            way_out = suggestion(name, known) if known else "this route takes none"
            raise Refused(422, f"{name!r} is not a query parameter; {way_out}", field=name)
        if given.count(name) > 1:
            raise Refused(422, "given twice; give it once", field=name)


def _known(route: APIRoute) -> frozenset[str]:
    return frozenset(_names(route.dependant))


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the query parameters of a route and of its dependencies."""
    yield from (each.alias for each in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
