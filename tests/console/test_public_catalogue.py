"""The event catalogue without signing in, and that nothing else opens with it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import httpx
import pytest

from console.rig import Rig, rig
from plaudit.events.catalogue import CATALOGUE

OPEN = frozenset(
    {
        "/catalogue",
        "/catalogue/{name}",
        "/catalogue/static/{digest}/{name}",
        "/console/accent.css",
        "/console/sign-in",
        "/portal/accent.css",
        "/portal/sign-out",
        "/healthz",
        "/readyz",
        "/v1/openapi.json",
        "/docs",
    }
)
"""Routes that answer everyone with a page, a file or a fact."""
KEYLESS = ("/docs/", "/.well-known/")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(tmp_path_factory.mktemp("public"), console_public_catalogue=True) as made:
        yield made


def test_everyone_reads_every_event_type(published: Rig) -> None:
    everyone = published.browser(None)
    listed = everyone.client.get("/catalogue")
    assert listed.headers["cache-control"] == "public, max-age=300"
    for name in CATALOGUE:
        assert f'href="/catalogue/{name}"' in listed.text
    page = everyone.get("/catalogue/testimonial.approved?format=slack")
    assert "Send an example" not in page
    assert "Avro schema" in page
    for asset in re.findall(r'(?:src|href)="(/catalogue/static/[^"]+)"', page):
        everyone.get(asset)


def test_links_of_the_public_catalogue_stay_in_it(published: Rig) -> None:
    everyone = published.browser(None)
    for at in ("/catalogue", "/catalogue/testimonial.approved"):
        links = re.findall(r'href="(/[^"]*)"', everyone.get(at))
        assert [each for each in links if not each.startswith("/catalogue")] == []
    for at in ("/catalogue/no.such", "/catalogue/testimonial.approved?format=no", "/catalogue/a/b"):
        links = re.findall(r'href="(/[^"]*)"', everyone.get(at, 404))
        assert [each for each in links if not each.startswith("/catalogue")] == []


def test_the_catalogue_is_closed_by_default(console: Rig) -> None:
    everyone = console.browser(None)
    assert everyone.client.get("/catalogue").status_code == 404
    assert everyone.client.get("/console/events").status_code == 303
    assert everyone.client.get("/portal/events").status_code == 401


def test_a_published_catalogue_opens_no_other_route(published: Rig) -> None:
    """Every route of the application, by every method, without key and without session."""
    client = published.browser(None).client
    for path, methods in _routes(published):
        if path in OPEN or path.startswith(KEYLESS):
            continue
        for method in methods:
            response = client.request(method, _filled(path))
            assert _is_closed(response), f"{method} {path}: {response.status_code} {response.text}"


def _routes(published: Rig) -> list[tuple[str, set[str]]]:
    found = [
        (str(getattr(each, "path", "")), set(getattr(each, "methods", None) or {"GET"}))
        for each in published.app.router.routes
    ]
    assert len(found) > 80
    return found


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", str(uuid.UUID(int=7)), path)


def _is_closed(response: httpx.Response) -> bool:
    """Return whether a response shows nothing: no success, and no way but that to the sign-in."""
    if response.status_code == 303:
        return response.headers["location"].startswith("/console/sign-in")
    return response.status_code in {401, 403, 404, 405, 410, 415, 422}
