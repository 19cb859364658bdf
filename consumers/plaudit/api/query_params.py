"""Check of query parameters: the route must know each, and each may occur once."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from plaudit.api.problems import Refused
from plaudit.records.suggestions import suggestion


async def check_query(request: Request) -> None:
    """Dependency of every route that refuses query parameters which the route would ignore.

    Raises:
        Refused: a parameter is unknown, or occurs twice.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    if given:
        check_names(given, _known(request.scope["route"]))


def check_names(given: list[str], known: frozenset[str]) -> None:
    """Check the names of a request's query parameters.

    Raises:
        Refused: a parameter is unknown, or occurs twice.
    """
    for name in given:
        if name not in known:
            advice = suggestion(name, known) if known else "this route takes none"
            raise Refused(422, f"{name!r} is not a query parameter; {advice}", field=name)
        if given.count(name) > 1:
            raise Refused(422, "occurs twice; use it once", field=name)


def _known(route: APIRoute) -> frozenset[str]:
    return frozenset(_names(route.dependant))


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the query parameters of a route and of its dependencies."""
    yield from (each.alias for each in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
