"""What systems say when a connection or a handshake fails, in a few words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from plaudit.transport.errors import TlsFailed, TlsTimeout, TransportError


def said(error: Exception | None) -> str:
    """Return what the system says of a connection's end."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if error is not None else "closed"


def tls_reason(error: Exception) -> str:
    """Return what is wrong with a handshake, a certificate or a stream."""
    return getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)


def as_ours(error: BaseException | None) -> TransportError:
    """Return what an exchange ends with; a defect of ours is reported, and ends it all the same."""
    if isinstance(error, TransportError):
        return error
    context = {"message": "the transport has a defect", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
    return TransportError(f"defect in the transport: {error!r}")


@contextmanager
def handshake_failures(host: str) -> Iterator[None]:
    """Name what goes wrong in a handshake.

    Raises:
        TlsFailed: the handshake or the certificate.
        TlsTimeout: not done in time.
    """
    try:
        yield
    except TimeoutError:
        raise TlsTimeout(host) from None
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise TlsFailed(f"{host}: {tls_reason(error)}") from error
    except OSError as error:
        raise TlsFailed(f"{host}: {said(error)}") from error
