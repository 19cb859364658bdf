"""OpenAPI document of the REST API, as client generators need it."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from plaudit.api.middleware.idempotency import PARAMETER
from plaudit.api.problems import Problem
from plaudit.api.routes import events
from plaudit.api.schemas.deliveries import EXAMPLES
from plaudit.api.schemas.event_bodies import COMPONENTS

DESCRIPTION: Final = """\
Endpoints, deliveries and keys. Every request needs an API key (`plaudit keys create`). A key of a
workspace sees nothing of other workspaces. Errors are problem documents (RFC 9457).
"""
LICENSE: Final = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
SERVERS: Final = [{"url": "/", "description": "The installation that serves this document."}]
TAGS: Final = [
    {"name": "audit", "description": "Changes, with actor and time."},
    {"name": "automation tools", "description": "REST hooks, as Zapier and others use them."},
    {"name": "catalogue", "description": "Event types, their schemas and examples."},
    {"name": "dead letters", "description": "Deliveries that were given up."},
    {"name": "deliveries", "description": "The delivery log, manual retries and statistics."},
    {"name": "endpoints", "description": "Receivers of events."},
    {"name": "events", "description": "Publishing of events over HTTP."},
    {"name": "jobs", "description": "Bulk work in the background: redrive, replay, retry."},
    {"name": "keys", "description": "API keys."},
    {"name": "operations", "description": "State of the installation, for operators."},
    {"name": "portal", "description": "Links with which a customer opens the portal."},
    {"name": "workspaces", "description": "Settings of a workspace."},
]
_SCHEMA_REF: Final = "#/components/schemas/{model}"


class Api(FastAPI):
    """Application with complete OpenAPI document: events, problem documents, idempotency keys."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            made = super().openapi()
            schemas = made["components"]["schemas"]
            schemas["Problem"] = Problem.model_json_schema(ref_template=_SCHEMA_REF)
            schemas.update(COMPONENTS)
            for name, examples in EXAMPLES.items():
                schemas[name]["examples"] = examples
            made["paths"][events.ROUTE.path] = {"post": events.operation()}
            for methods in made["paths"].values():
                if "post" in methods:
                    methods["post"].setdefault("parameters", []).append(PARAMETER)
        return super().openapi()


def operation_id(route: APIRoute) -> str:
    """Return the name of a route in generated clients: `list_keys` becomes `listKeys`."""
    first, *others = route.name.split("_")
    return first + "".join(each.capitalize() for each in others)
