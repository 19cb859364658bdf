"""Short texts for connection and handshake errors."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from plaudit.transport.errors import TlsFailed, TlsTimeout, TransportError


def connection_reason(error: Exception | None) -> str:
    """Return why a connection failed or ended, such as `connection refused`.

    Event loops replace the system's texts by their own.
    """
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return printable(str(error)) if error is not None else "closed"


def printable(text: str) -> str:
    """Return text of a server in printable form: on one line, without control characters."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def tls_reason(error: Exception) -> str:
    """Return the reason of a TLS error: of the handshake, the certificate or the stream."""
    said_by_openssl = getattr(error, "verify_message", "") or getattr(error, "reason", "")
    return said_by_openssl or connection_reason(error)


def transport_error_of(error: BaseException | None) -> TransportError:
    """Return the error that ends an exchange; a defect in the transport is logged."""
    if isinstance(error, TransportError):
        return error
    context = {"message": "the transport has a defect", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
    return TransportError(f"defect in the transport: {error!r}")


@contextmanager
def handshake_failures(host: str) -> Iterator[None]:
    """Translate the errors of a handshake.

    Raises:
        TlsFailed: the handshake failed, or the certificate is invalid.
        TlsTimeout: the handshake took too long.
    """
    try:
        yield
    except TimeoutError:
        raise TlsTimeout(host) from None
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise TlsFailed(f"{host}: {tls_reason(error)}") from error
    except OSError as error:
        raise TlsFailed(f"{host}: {connection_reason(error)}") from error
