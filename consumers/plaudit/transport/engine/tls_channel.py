"""TLS channel without I/O: bytes in, bytes out, and session resumption.

The event loop's own TLS can't resume a session. This channel implements only the client side.
"""

from __future__ import annotations

import ssl
from collections import OrderedDict
from typing import Final

from plaudit.transport.addresses import Origin

_RECORD: Final = 64 * 1024
"""More than a TLS record (16 KiB), so that one read holds a whole record."""
MOST_SESSIONS: Final = 1_024
"""Sessions kept; each holds the server's certificates, about 10 KB."""


class TlsChannel:
    """One connection's encryption, as a client.

    Args:
        context: checks certificate and host name.
        host: name or address; names are sent as SNI.
        session: session of an earlier connection to the same origin, to resume.
    """

    __slots__ = ("_in", "_out", "_tls", "ended")

    def __init__(
        self, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None = None
    ) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host, session=session)
        self.ended = False

    @property
    def session(self) -> ssl.SSLSession | None:
        """Session to resume later; with TLS 1.3 it arrives with the first answer."""
        return self._tls.session

    @property
    def resumed(self) -> bool:
        """Whether the server has resumed the session."""
        return bool(self._tls.session_reused)

    def shake_hands(self, received: bytes = b"") -> bool:
        """Continue the handshake; return whether it is done. Send `outgoing` in either case.

        Raises:
            ssl.SSLError: the handshake failed; `ssl.CertificateError` for the certificate.
        """
        self._in.write(received)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def outgoing(self) -> bytes:
        """Return bytes that TLS itself has to send, such as alerts; often empty."""
        return self._out.read() if self._out.pending else b""

    def encrypt(self, data: bytes) -> bytes:
        """Return the records that carry the data."""
        written = self._tls.write(data)
        while written < len(data):
            # A call writes one record.
            written += self._tls.write(memoryview(data)[written:])
        return self._out.read()

    def decrypt(self, received: bytes) -> bytes:
        """Return the data in records; empty while a record is incomplete, or for TLS's own records.

        Raises:
            ssl.SSLError: the stream is broken, or the server sent an alert.
        """
        self._in.write(received)
        parts = []
        try:
            while self._in.pending:
                part = self._tls.read(_RECORD)
                if not part:
                    self.ended = True
                    break
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return parts[0] if len(parts) == 1 else b"".join(parts)


class TlsSessions:
    """The last session of each origin; the longest unused one is dropped first."""

    def __init__(self, most: int = MOST_SESSIONS) -> None:
        self._most = most
        self._sessions: OrderedDict[Origin, ssl.SSLSession] = OrderedDict()

    def get(self, origin: Origin) -> ssl.SSLSession | None:
        """Return the session to resume, if there is one."""
        return self._sessions.get(origin)

    def keep(self, origin: Origin, session: ssl.SSLSession | None) -> None:
        """Keep a session."""
        if session is None or not session.has_ticket:
            return
        self._sessions[origin] = session
        self._sessions.move_to_end(origin)
        if len(self._sessions) > self._most:
            self._sessions.popitem(last=False)
