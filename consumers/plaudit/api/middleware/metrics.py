"""Request metrics by route and status, without ids in labels."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.records.trace_context import trace_context
from plaudit.runtime.metrics.others import REQUESTS


class MetricsMiddleware:
    """Middleware around the whole application.

    Args:
        app: the measured application.
        registry: receives the metric.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._durations = Histogram(
            REQUESTS.name,
            REQUESTS.meaning,
            REQUESTS.labels,
            registry=registry,
            buckets=REQUESTS.buckets,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and record the duration of its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = "500"

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            took = time.perf_counter() - began
            counted = self._durations.labels(route, scope["method"], status)
            counted.observe(took, _exemplar(scope))


def _exemplar(scope: Scope) -> dict[str, str] | None:
    """Return the trace of a request as an exemplar; None without a `traceparent`."""
    trace = trace_context(dict(scope["headers"]).get(b"traceparent"))
    return None if trace is None else {"trace_id": trace.trace_id}
