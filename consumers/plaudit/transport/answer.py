"""Response of one POST, with the duration of each phase.

Every delivery makes one of each class; compiled, a class with slots is cheaper than a named tuple.
"""

from __future__ import annotations


class Timings:
    """Durations of one exchange in milliseconds; None for a phase that did not take place.

    `dns_ms`, `connect_ms` and `tls_ms` are None on a connection that was kept alive.

    Attributes:
        dns_ms: the name look-up.
        connect_ms: the TCP connect, over all addresses that were tried.
        tls_ms: the TLS handshake.
        first_byte_ms: time between the first byte written and the first byte of the answer.
        total_ms: time between the call and its end, including the wait for a free connection.
    """

    __slots__ = ("connect_ms", "dns_ms", "first_byte_ms", "tls_ms", "total_ms")

    def __init__(
        self,
        dns_ms: float | None = None,
        connect_ms: float | None = None,
        tls_ms: float | None = None,
        first_byte_ms: float | None = None,
        total_ms: float | None = None,
    ) -> None:
        self.dns_ms = dns_ms
        self.connect_ms = connect_ms
        self.tls_ms = tls_ms
        self.first_byte_ms = first_byte_ms
        self.total_ms = total_ms


NO_TIMINGS = Timings()


class Answer:
    """A complete answer, with any status.

    Attributes:
        status: 200 to 999; interim 1xx answers are passed over.
        raw_headers: headers as received, in their order; most are never read.
        snippet: the start of the body as sent (no content-encoding is undone), at most
            `Caps.kept_bytes`.
        truncated: whether the body was longer than the snippet.
        timings: durations of the phases.
        bytes_sent: size of the request's head and body before TLS.
    """

    __slots__ = ("bytes_sent", "raw_headers", "snippet", "status", "timings", "truncated")

    def __init__(
        self,
        status: int,
        raw_headers: tuple[tuple[bytes, bytes], ...],
        snippet: bytes,
        *,
        truncated: bool,
        timings: Timings,
        bytes_sent: int,
    ) -> None:
        self.status = status
        self.raw_headers = raw_headers
        self.snippet = snippet
        self.truncated = truncated
        self.timings = timings
        self.bytes_sent = bytes_sent

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers with names in lower case and values as Latin-1 text."""
        return tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in self.raw_headers
        )
