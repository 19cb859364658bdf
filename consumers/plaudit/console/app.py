"""Routes of the console and the portal, added to the API's application."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeAlias

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plaudit.api.dependencies import ApiServices
from plaudit.api.problems import Refused
from plaudit.console import portal_links
from plaudit.console.asking import SitePage
from plaudit.console.dispatch import PageDispatcher
from plaudit.console.oidc.client_settings import CALLBACK, OidcClient
from plaudit.console.page_table import PAGES
from plaudit.console.public_catalogue import PUBLIC, PublicCatalogue
from plaudit.console.rendering import compile_templates
from plaudit.console.responding import Responder
from plaudit.console.services import ConsoleServices
from plaudit.console.settings import ConsoleSettings
from plaudit.console.sign_in.sign_out import SignOut
from plaudit.console.sign_in.with_key import KeySignIn
from plaudit.console.sign_in.with_link import LinkSignIn
from plaudit.console.viewer import BASES
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.access.sessions import WebApp

_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def mount(
    app: FastAPI,
    services: ApiServices,
    settings: ConsoleSettings,
    kafka: KafkaSettings,
    oidc: OidcClient | None = None,
) -> AbstractContextManager[None]:
    """Add the console, the portal and `POST /v1/portal-links`, unless a setting disables them.

    Args:
        app: application of the API.
        services: services of the API.
        settings: address and sessions.
        kafka: connection to Kafka.
        oidc: client of the provider with which operators sign in; None: API keys only.

    Returns:
        What has to be open while the application serves.
    """
    if not settings.console:
        return nullcontext()
    console = ConsoleServices.of(services, settings, kafka)
    app.state.console = console
    app.include_router(portal_links.router)
    if settings.console_public_catalogue:
        app.router.routes.extend(_public_routes(PublicCatalogue(settings)))
    for web_app in WebApp:
        app.router.routes.extend(_routes(console, web_app, oidc))
    return _prepared(console)


@contextmanager
def _prepared(console: ConsoleServices) -> Iterator[None]:
    """Prepare in threads what the first requests would wait for."""
    templates = threading.Thread(target=compile_templates, name="templates")
    templates.start()
    with console.index.filled():
        yield
    templates.join()


def _routes(services: ConsoleServices, web_app: WebApp, oidc: OidcClient | None) -> list[Route]:
    base, dispatcher = BASES[web_app], PageDispatcher(services, web_app)
    responder = dispatcher.responder
    routes = [
        _route(f"{base}/static/{{digest}}/{{name}}", _asset(dispatcher)),
        _route(f"{base}/accent.css", _accent(dispatcher)),
        _route(f"{base}/enter", LinkSignIn(services, web_app, responder).respond, "GET", "POST"),
        _route(f"{base}/sign-out", SignOut(services, web_app, dispatcher).respond, "POST"),
    ]
    if web_app is WebApp.CONSOLE:
        with_key = KeySignIn(services, web_app, responder, oidc)
        routes.append(_route(f"{base}/sign-in", with_key.respond, "GET", "POST"))
        routes += _oidc_routes(services, responder, oidc)
    routes += [
        _route(f"{base}{page.path}", _page(dispatcher, page), "GET", "POST")
        for page in PAGES
        if web_app in page.web_apps
    ]
    routes.append(_route(f"{base}/{{rest:path}}", _missing(dispatcher), "GET", "POST"))
    return routes


def _public_routes(catalogue: PublicCatalogue) -> list[Route]:
    return [
        _route(f"{PUBLIC}/static/{{digest}}/{{name}}", catalogue.asset),
        _route(PUBLIC, catalogue.show),
        _route(f"{PUBLIC}/{{name}}", catalogue.show_type),
        _route(f"{PUBLIC}/{{rest:path}}", catalogue.miss),
    ]


def _oidc_routes(
    services: ConsoleServices, responder: Responder, client: OidcClient | None
) -> list[Route]:
    if client is None:
        return []
    from plaudit.console.oidc.provider import Provider  # noqa: PLC0415 - imports Authlib
    from plaudit.console.sign_in.with_oidc import OidcSignIn  # noqa: PLC0415 - likewise

    sign_in = OidcSignIn(services, responder, Provider(client))
    base = BASES[WebApp.CONSOLE]
    return [
        _route(f"{base}/oidc/begin", sign_in.begin),
        _route(CALLBACK, sign_in.finish),
    ]


def _route(path: str, endpoint: _Endpoint, *methods: str) -> Route:
    async def named(request: Request) -> Response:
        # The request metric uses it as a label.
        request.scope["route"] = route
        return await endpoint(request)

    route = Route(path, named, methods=list(methods or ("GET",)), include_in_schema=False)
    return route


def _page(dispatcher: PageDispatcher, page: SitePage) -> _Endpoint:
    async def respond(request: Request) -> Response:
        return await dispatcher.respond(page, request)

    return respond


def _missing(dispatcher: PageDispatcher) -> _Endpoint:
    async def respond(request: Request) -> Response:
        viewer = await dispatcher.viewer(request)
        refused = Refused(404, "this page does not exist")
        return dispatcher.responder.refused(request, viewer, refused)

    return respond


def _asset(dispatcher: PageDispatcher) -> _Endpoint:
    async def respond(request: Request) -> Response:
        return dispatcher.responder.asset(request)

    return respond


def _accent(dispatcher: PageDispatcher) -> _Endpoint:
    async def respond(request: Request) -> Response:
        viewer = await dispatcher.viewer(request)
        return dispatcher.responder.accent(viewer)

    return respond
