"""REST API application: routes, problem documents and health checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Final

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from plaudit.api.dependencies import ApiServices
from plaudit.api.explorer.pages import add_explorer
from plaudit.api.middleware.idempotency import Idempotency
from plaudit.api.middleware.metrics import MetricsMiddleware
from plaudit.api.openapi import DESCRIPTION, LICENSE, SERVERS, TAGS, Api, operation_id
from plaudit.api.problems import install
from plaudit.api.query_params import check_query
from plaudit.api.readiness import Readiness, problems_of
from plaudit.api.request_guard import RequestGuard
from plaudit.api.routes import (
    audit,
    catalogue,
    dead_letters,
    deliveries,
    endpoints,
    events,
    hooks,
    jobs,
    preview,
    public_keys,
    scaling,
    workspaces,
)

LOOK: Final = ["GET", "HEAD"]
_MODULES: Final = (
    preview, endpoints, public_keys, deliveries, dead_letters, audit, jobs, hooks, workspaces,
    catalogue, scaling,
)  # fmt: skip


def create_app(
    services: ApiServices, registry: CollectorRegistry | None = None, *, shows_metrics: bool = False
) -> FastAPI:
    """Return the application with the services of this process.

    Args:
        services: services of the process.
        registry: receives the metrics of requests.
        shows_metrics: whether the application also serves `/metrics`.
    """
    registry = registry or CollectorRegistry()
    app = Api(
        title="Plaudit",
        version=version("plaudit"),
        description=DESCRIPTION,
        license_info=LICENSE,
        servers=SERVERS,
        openapi_tags=TAGS,
        generate_unique_id_function=operation_id,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        # A redirect would lead to the host in the request's Host header.
        redirect_slashes=False,
        lifespan=_closing,
    )
    app.state.services = services
    app.router.routes.append(events.ROUTE)
    for module in _MODULES:
        app.include_router(module.router, dependencies=[Depends(check_query)])
    install(app)
    app.add_middleware(events.Shortcut)
    app.add_middleware(Idempotency, services=services)
    app.add_middleware(RequestGuard, services=services)
    app.add_middleware(MetricsMiddleware, registry=registry)
    _add_health(app, services)
    add_explorer(app)
    if shows_metrics:
        _add_metrics(app, registry)
    return app


@asynccontextmanager
async def _closing(app: FastAPI) -> AsyncIterator[None]:
    yield
    services: ApiServices = app.state.services
    await services.sender.aclose()


def _add_health(app: FastAPI, services: ApiServices) -> None:
    readiness = Readiness(partial(problems_of, services))

    @app.api_route("/healthz", methods=LOOK, include_in_schema=False)
    async def healthz() -> dict[str, object]:
        return {"ok": True, "problems": []}

    @app.api_route("/readyz", methods=LOOK, include_in_schema=False)
    async def readyz() -> JSONResponse:
        problems = await readiness.problems()
        told = {"ok": not problems, "problems": list(problems)}
        return JSONResponse(told, 503 if problems else 200)


def _add_metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    @app.api_route("/metrics", methods=LOOK, include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
