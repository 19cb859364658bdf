"""Service and output of the `plaudit endpoints` commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import typer
from sqlalchemy.engine import Engine

from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.fields import print_fields
from plaudit.cli.ui.output import note, print_json
from plaudit.deliver.settings import HttpSettings, SealSettings
from plaudit.endpoints.keys import CannotOpen
from plaudit.endpoints.signing import signing_of
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.records.times import time_text
from plaudit.store.endpoints.changes import WrittenEndpoint, recovery_hints
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import Rules
from plaudit.store.endpoints.warnings import warnings_for
from plaudit.transport.addresses import AddressPolicy

ACK_TIMEOUT_MS: Final = 8_000


@contextmanager
def endpoint_service(opened: Engine | None = None) -> Iterator[EndpointService]:
    """Open the service with the database and a producer for its relay.

    Args:
        opened: the database, if the caller uses it too.
    """
    kafka, http, keys = KafkaSettings(), HttpSettings(), SealSettings().keys
    engine = opened or opened_database()
    producer = Producer(kafka, ProducerConfig(delivery_timeout_ms=ACK_TIMEOUT_MS))
    try:
        relay = Relay(engine, producer, kafka.names.endpoints, keys)
        rules = Rules(AddressPolicy(http.allow_networks), kafka.tiers)
        yield EndpointService(engine, keys, relay, rules)
    finally:
        producer.close()
        engine.dispose()


def show_endpoint(service: EndpointService, written: WrittenEndpoint, *, as_json: bool) -> None:
    """Print an endpoint; warnings go to standard error."""
    warn(written)
    shown = public(service, written.endpoint)
    shown["warnings"] += [*recovery_hints(written), *written.warnings]
    for line in shown["warnings"]:
        note(f"plaudit: warning: {line}")
    if written.secret is not None and shown["signing"] != "v1a":
        shown["secret"] = written.secret
    if as_json:
        print_json(shown)
        return
    hidden = {"warnings", "host", "secret", "status_reason", "problem"}
    fields = {name: value for name, value in shown.items() if name not in hidden}
    print_fields({**fields, "types": shown["types"] or "all", "status": _status(shown)})
    if written.secret is not None:
        _show_secret(written)


def _status(shown: Mapping[str, Any]) -> str:
    reason = shown["status_reason"]
    return f"{shown['status']}: {reason}" if reason else str(shown["status"])


def _show_secret(written: WrittenEndpoint) -> None:
    """Print a secret at the end, with its use and the next command."""
    endpoint = written.endpoint
    note("\nSigning secret. Copy it now; it will not be shown again:")
    typer.echo(written.secret)
    note(
        "Give it to the receiver, which verifies every request with it (docs/receiving.md).\n"
        f"Next: plaudit endpoints test {endpoint.name or endpoint.endpoint_id}"
    )


def public(service: EndpointService, endpoint: StoredEndpoint) -> dict[str, Any]:
    """Return an endpoint without its secret, as plain data.

    Raises:
        CannotOpen: its key is missing.
    """
    wanted = service.spec_of(endpoint)
    keys = service.public_keys(endpoint)
    return {
        **stored_fields(endpoint),
        "host": wanted.url.partition("://")[2].partition("/")[0],
        "url": wanted.url,
        "headers": sorted(wanted.headers),
        "public_key": next((each.public for each in keys), None),
        "warnings": warnings_for(wanted),
    }


def public_or_problem(service: EndpointService, endpoint: StoredEndpoint) -> dict[str, Any]:
    """Return an endpoint as `public` does; if its key is missing, what is not encrypted."""
    try:
        return public(service, endpoint)
    except CannotOpen as error:
        return {**stored_fields(endpoint), "problem": str(error)}


def stored_fields(endpoint: StoredEndpoint) -> dict[str, Any]:
    """Return an endpoint as plain data, with None for what is encrypted."""
    return {
        "name": endpoint.name,
        "id": endpoint.endpoint_id,
        "workspace_id": endpoint.workspace_id,
        "host": None,
        "url": None,
        "types": list(endpoint.event_types),
        "spaces": list(endpoint.spaces),
        "filter": endpoint.content_filter,
        "headers": None,
        "rate_limit": endpoint.rate_limit,
        "schedule": endpoint.schedule,
        "format": endpoint.format,
        "signing": signing_of(endpoint.signature_kinds),
        "public_key": None,
        "status": endpoint.status,
        "status_reason": endpoint.status_reason,
        "version": endpoint.version,
        "active_from": time_text(endpoint.active_from),
        "created_at": time_text(endpoint.created_at),
        "updated_at": time_text(endpoint.updated_at),
        "warnings": [],
        "problem": None,
    }


def warn(written: WrittenEndpoint) -> None:
    """Warn that workers have not received a change yet."""
    warn_of(written.trouble)


def warn_of(trouble: str | None) -> None:
    """Warn that workers have not received a change yet, and why; None: they have received it."""
    if trouble is not None:
        note(
            "plaudit: saved, but workers have not received the change yet; the next change or "
            f"`plaudit endpoints sync` sends it ({trouble})"
        )
