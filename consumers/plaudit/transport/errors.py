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

`UrlRefused` is apart: it comes from reading a URL, before there is anything to exchange.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from plaudit.transport.answer import NO_TIMINGS, Timings

Phase = Literal[
    "request", "address", "wait", "dns", "connect", "proxy", "tls", "write", "first_byte", "answer"
]
"""`wait` is for a free connection to the origin, `answer` everything after its first byte."""


class UrlRefused(ValueError):
    """A URL that no request will ever be sent to.

    Attributes:
        reason: what is wrong and what to write instead, in one line.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TransportError(Exception):
    """An exchange that ended without a complete answer.

    Attributes:
        code: stable name for logs and metrics.
        phase: the phase that it ended in.
        sent: a part of the request, or all, may have reached the other side.
        detail: what the system or the other side said; may be empty.
        timings: of the phases that were reached.
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
    """The other side saw no byte of the request."""

    says = "nothing was sent"
    sent = False


class RequestInvalid(NothingSent):
    """A header name or value that can't be written as HTTP/1.1, or one that is ours to set."""

    code = "request_invalid"
    says = "the request can't be written as HTTP"
    phase: Phase = "request"


class AddressRefused(NothingSent):
    """The policy forbids the address or the scheme.

    Attributes:
        host: as in the URL.
        address: the address that was refused, for the operator's log only; None when the scheme
            alone was enough.
        reason: why, such as `loopback`.
        literal: no look-up is involved, so trying again can't help.
    """

    code = "address_refused"
    says = "address refused"
    phase: Phase = "address"

    def __init__(
        self, host: str, reason: str, *, literal: bool, address: str | None = None
    ) -> None:
        # Without the address: what names lead to inside is not for those who may choose names.
        super().__init__(f"{host}: {reason}")
        self.host = host
        self.address = address
        self.reason = reason
        self.literal = literal


class LookUpsBusy(NothingSent):
    """The name was not looked up: its turn did not come in time, which is not its fault."""

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
    """The forward proxy would not open a tunnel, or spoke no HTTP."""

    code = "proxy"
    says = "the proxy opened no tunnel"
    phase: Phase = "proxy"


class ConnectTimeout(NothingSent):
    """No TCP connection within `Timeouts.connect_s`."""

    code = "connect_timeout"
    says = "connecting timed out"
    phase: Phase = "connect"


class TlsFailed(NothingSent):
    """The handshake failed, or the certificate is not one for this name that we trust."""

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
    """The other side took in no more of the request within `Timeouts.write_s`."""

    code = "write_timeout"
    says = "sending timed out"


class AnswerFailed(TransportError):
    """All of the request may have arrived and been acted upon."""

    says = "no complete answer"


class FirstByteTimeout(AnswerFailed):
    """Not one byte of an answer within `Timeouts.first_byte_s`."""

    code = "first_byte_timeout"
    says = "no answer in time"
    phase: Phase = "first_byte"


class ConnectionLost(AnswerFailed):
    """Closed or reset by the other side before the answer was complete."""

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
