"""HTTP client of the workers, made from its settings."""

from __future__ import annotations

import resource
import ssl
from typing import Final

from plaudit.deliver.settings import HttpSettings
from plaudit.kafka.base_settings import PREFIX
from plaudit.kafka.errors import SettingsError
from plaudit.transport.addresses import AddressPolicy
from plaudit.transport.engine.engine import Engine
from plaudit.transport.net.dialer import Dialer
from plaudit.transport.net.resolver import CachingResolver, SystemResolver
from plaudit.transport.net.tls import ClientCertificate, tls_context
from plaudit.transport.sender import PoolLimits, Sender

MOST_CONNECTIONS: Final = 20_000
"""Connections to one origin are bounded only by the deliveries that a worker has in hand. Admission
bounds the requests to one endpoint, and endpoints that share an origin must not wait for each
other."""


def allow_many_sockets() -> None:
    """Raise the limit of file descriptors to the maximum: many shells set only 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def make_sender(settings: HttpSettings, context: ssl.SSLContext) -> Sender:
    """Return the sender; call it in the event loop that it is for."""
    allow_many_sockets()
    dialer = Dialer(
        AddressPolicy(settings.allow_networks),
        settings.timeouts,
        CachingResolver(SystemResolver()),
        settings.proxy,
    )
    return Engine(dialer, context, limits=PoolLimits(per_origin=MOST_CONNECTIONS))


def make_context(settings: HttpSettings) -> ssl.SSLContext:
    """Return the TLS context; takes tens of milliseconds.

    Raises:
        SettingsError: a file can't be read, or its content is not a certificate or key.
    """
    try:
        context = tls_context(settings.tls_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _unusable("TLS_CA_FILE", settings.tls_ca_file, error) from None
    chain, key = settings.tls_certificate_file, settings.tls_key_file
    try:
        if chain is not None:
            ClientCertificate(chain, key).load_into(context)
    except (OSError, ssl.SSLError) as error:
        files = " and ".join(str(file) for file in (chain, key) if file is not None)
        raise _unusable("TLS_CERTIFICATE_FILE", files, error) from None
    if chain is None and key is not None:
        reason = f"the certificate of this key is missing; set {PREFIX}TLS_CERTIFICATE_FILE too"
        raise SettingsError(f"{PREFIX}TLS_KEY_FILE", reason)
    return context


def _unusable(name: str, files: object, error: OSError) -> SettingsError:
    if isinstance(error, ssl.SSLError):
        reason = f"{files}: not PEM as it should be, or an encrypted key ({error.reason})"
    else:
        reason = f"{files}: {error.strerror or error}"
    return SettingsError(PREFIX + name, reason)
