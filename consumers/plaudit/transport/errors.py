"""Transport errors, named by stage: was anything sent?

```
TransportError
├── NothingSent                 the other side saw no byte of the request
│   ├── RequestInvalid          headers that can't be written as HTTP
│   ├── AddressRefused          the policy forbids the address or the scheme
│   ├── LookUpsBusy             the name was not looked up: others' look-ups took too long
│   ├── DnsFailed
│   │   └── DnsTimeout
│   ├── ConnectFailed
│   │   └── ProxyRefused        the forward proxy would not open the tunnel
│   ├── ConnectTimeout
│   ├── TlsFailed               handshake or certificate
│   └── TlsTimeout
├── SendingFailed               a part of the request may have arrived
│   ├── WriteFailed
│   └── WriteTimeout
├── AnswerFailed                all of it may have arrived and been acted upon
│   ├── FirstByteTimeout
│   ├── ConnectionLost          closed or reset before the answer was complete
│   └── AnswerMalformed         not HTTP, or a head over the cap
└── TotalTimeout                in any phase; `phase` and `sent` say in which
```

`UrlRefused` is separate: parsing a URL raises it, before any exchange.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from plaudit.transport.answer import NO_TIMINGS, Timings

Phase = Literal[
    "request", "address", "wait", "dns", "connect", "proxy", "tls", "write", "first_byte", "answer"
]
"""`wait` is the wait for a free connection; `answer` begins with the first byte of the answer."""


class UrlRefused(ValueError):
    """The URL is invalid or ambiguous.

    Attributes:
        reason: the mistake and its correction, in one line.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TransportError(Exception):
    """An exchange that ended without a complete answer.

    Attributes:
        code: stable name for logs and metrics.
        phase: the phase in which it ended.
        sent: whether a part of the request, or all, may have reached the server.
        detail: text of the system or the server; may be empty.
        timings: durations of the phases until then.
    """

    code: ClassVar[str] = "transport"
    says: ClassVar[str] = "the exchange failed"
    phase: Phase = "answer"
    sent: bool = True

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.timings: Timings = NO_TIMINGS

    def __str__(self) -> str:
        return f"{self.says}: {self.detail}" if self.detail else self.says


class NothingSent(TransportError):
    """The server received no byte of the request."""

    says = "nothing was sent"
    sent = False


class RequestInvalid(NothingSent):
    """A header can't be written as HTTP/1.1, or is one that the transport sets."""

    code = "request_invalid"
    says = "the request can't be written as HTTP"
    phase: Phase = "request"


class AddressRefused(NothingSent):
    """The policy forbids the address or the scheme.

    Attributes:
        host: the URL's host.
        address: the refused address, for the operator's log only; None if the scheme was refused.
        reason: reason such as `loopback`.
        literal: whether the URL has the address itself, so that a retry can't help.
    """

    code = "address_refused"
    says = "address refused"
    phase: Phase = "address"

    def __init__(
        self, host: str, reason: str, *, literal: bool, address: str | None = None
    ) -> None:
        # Without the address: a tenant who chooses a name must not learn its internal address.
        super().__init__(f"{host}: {reason}")
        self.host = host
        self.address = address
        self.reason = reason
        self.literal = literal


class LookUpsBusy(NothingSent):
    """The name was not looked up in time, because other look-ups were under way."""

    code = "look_ups_busy"
    says = "the name was not looked up, for too many look-ups are under way"
    phase: Phase = "dns"


class DnsFailed(NothingSent):
    """The name has no address, or the look-up failed."""

    code = "dns"
    says = "the name look-up failed"
    phase: Phase = "dns"


class DnsTimeout(DnsFailed):
    """The look-up took longer than `Timeouts.dns_s`."""

    code = "dns_timeout"
    says = "the name look-up timed out"


class ConnectFailed(NothingSent):
    """No address accepted a TCP connection."""

    code = "connect"
    says = "could not connect"
    phase: Phase = "connect"


class ProxyRefused(ConnectFailed):
    """The forward proxy would not open a tunnel, or did not answer in HTTP."""

    code = "proxy"
    says = "the proxy opened no tunnel"
    phase: Phase = "proxy"


class ConnectTimeout(NothingSent):
    """No TCP connection within `Timeouts.connect_s`."""

    code = "connect_timeout"
    says = "connecting timed out"
    phase: Phase = "connect"


class TlsFailed(NothingSent):
    """The handshake failed, or the certificate is not trusted for this name."""

    code = "tls"
    says = "TLS failed"
    phase: Phase = "tls"


class TlsTimeout(NothingSent):
    """No complete handshake within `Timeouts.tls_s`."""

    code = "tls_timeout"
    says = "the TLS handshake timed out"
    phase: Phase = "tls"


class SendingFailed(TransportError):
    """A part of the request may have arrived."""

    says = "the request was not sent as a whole"
    phase: Phase = "write"


class WriteFailed(SendingFailed):
    """The connection broke while the request was written."""

    code = "write"
    says = "the connection broke while sending"


class WriteTimeout(SendingFailed):
    """The server did not read the request within `Timeouts.write_s`."""

    code = "write_timeout"
    says = "sending timed out"


class AnswerFailed(TransportError):
    """All of the request may have arrived and been acted upon."""

    says = "no complete answer"


class FirstByteTimeout(AnswerFailed):
    """No byte of an answer within `Timeouts.first_byte_s`."""

    code = "first_byte_timeout"
    says = "no answer in time"
    phase: Phase = "first_byte"


class ConnectionLost(AnswerFailed):
    """The server closed or reset the connection before the answer was complete."""

    code = "connection_lost"
    says = "the connection was lost before the answer was complete"

    def __init__(self, detail: str = "", *, phase: Phase = "answer") -> None:
        super().__init__(detail)
        self.phase = phase


class AnswerMalformed(AnswerFailed):
    """The answer is not HTTP/1.1, or its head is over the cap."""

    code = "answer_malformed"
    says = "the answer is not valid HTTP/1.1"


class TotalTimeout(TransportError):
    """The exchange as a whole took longer than `Timeouts.total_s`."""

    code = "total_timeout"
    says = "the exchange took too long"

    def __init__(self, *, phase: Phase, sent: bool) -> None:
        super().__init__(f"while in phase {phase}")
        self.phase = phase
        self.sent = sent
