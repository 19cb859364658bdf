"""`plaudit serve`: the REST API, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
from functools import partial
from typing import Final

import uvicorn

from plaudit.api.app import create_app
from plaudit.api.dependencies import opened
from plaudit.api.health import ApiHealth
from plaudit.api.readiness import problems_of
from plaudit.api.routes import scaling
from plaudit.api.server import make_server
from plaudit.api.settings import ApiSettings
from plaudit.cli.served import served
from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.ports import bound_socket
from plaudit.console.app import mount
from plaudit.console.oidc.client_settings import OidcSettings
from plaudit.console.settings import ConsoleSettings
from plaudit.deliver.settings import DeliverSettings
from plaudit.kafka.settings import KafkaSettings
from plaudit.runtime.gc_tuning import spare_the_collector
from plaudit.runtime.logging import configure_logs
from plaudit.store.endpoints.key_use import require_keys
from plaudit.tracing.writer import closed, open_tracing

COLLECT_AFTER: Final = 200_000
"""Generation-0 threshold: several times the objects of a request with a thousand events."""


def command() -> None:
    """Serve the REST API and the console, and run the relay that notifies workers of endpoints.

    It listens on PLAUDIT_API_HOST and PLAUDIT_API_PORT with plain HTTP: put a proxy that terminates
    TLS in front. The console is at /console, the OpenAPI description at /v1/openapi.json. Metrics
    are on PLAUDIT_METRICS_PORT.

    Example: plaudit serve
    """
    configure_logs()
    api, kafka, deliver = ApiSettings(), KafkaSettings(), DeliverSettings()
    console = ConsoleSettings()
    oidc = OidcSettings().client(console.console_url)
    keys = deliver.seal.keys
    engine = opened_database()
    require_keys(engine, keys)
    tracing = open_tracing("plaudit-serve")
    with closed(tracing), opened(engine, kafka, deliver, api, tracing) as services:
        health = ApiHealth(partial(problems_of, services))
        app = create_app(services, health.registry, shows_metrics=api.api_metrics)
        background = mount(app, services, console, kafka, oidc)
        spare_the_collector(COLLECT_AFTER)
        server = make_server(app, api)
        _stop_on_signals(server)
        pages = {scaling.PATH: scaling.ScalingPage(services.scaling)}
        listening = bound_socket("PLAUDIT_API_PORT", api.api_host, api.api_port)
        with listening, served(deliver.observability, health, pages), background:
            server.run(sockets=[listening])
    engine.dispose()


def _stop_on_signals(server: uvicorn.Server) -> None:
    """Handle signals that arrive before uvicorn handles them.

    When uvicorn has stopped, it raises the signal again, which must not end the process before the
    relay is closed.
    """

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
