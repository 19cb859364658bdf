"""Short texts for connection and handshake errors."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from plaudit.transport.errors import TlsFailed, TlsTimeout, TransportError


def said(error: Exception | None) -> str:
    """Return in words why a connection failed or ended, such as `connection refused`.

    Event loops put texts of their own in the place of the system's.
    """
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return printable(str(error)) if error is not None else "closed"


def printable(text: str) -> str:
    """Return what the other side sent so that it can be shown: on one line, without controls."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def tls_reason(error: Exception) -> str:
    """Return what is wrong with a handshake, a certificate or a stream."""
    said_by_openssl = getattr(error, "verify_message", "") or getattr(error, "reason", "")
    return said_by_openssl or said(error)


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
