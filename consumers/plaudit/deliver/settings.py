"""Settings of the deliverer, from `PLAUDIT_*` and a `.env` file."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from plaudit.kafka.base_settings import EnvSettings
from plaudit.kafka.read.positions import PastEnd
from plaudit.transport.addresses import IPNetwork
from plaudit.transport.net.proxy import Proxy
from plaudit.transport.sender import Timeouts

_Seconds = Annotated[float, Field(gt=0, le=300)]


class DeliverSettings(EnvSettings):
    """How this process delivers.

    Raises:
        SettingsError: a value can't be used; names its variable.
    """

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Keys for endpoints' secrets: base64 of 32 bytes each, comma-separated; the "
        "first one seals, all open.",
    )
    require_bound_endpoints: bool = Field(
        default=False,
        description="Refuse endpoint records without a seal over owner and filters, as releases "
        "before 0.2 wrote them; set it after `plaudit endpoints reseal`. The default will change.",
    )
    allow_networks: Annotated[tuple[IPNetwork, ...], NoDecode] = Field(
        default=(),
        description="CIDRs that may be reached although they are private, also by plain http; "
        "for development.",
    )
    metrics_port: int = Field(
        default=9_464,
        ge=0,
        le=65_535,
        description="Port of /metrics, /healthz and /readyz; 0: none. While it is not set, the "
        "next free one where another process has it.",
    )
    metrics_host: str = Field(default="0.0.0.0", description="Address that port is bound to.")  # noqa: S104 - scraped from elsewhere
    log_attempts: Literal["all", "failures", "none"] = Field(
        default="all", description="Which attempts are logged, one line each."
    )
    endpoint_in_flight: int = Field(
        default=64, ge=1, le=10_000, description="Requests to one endpoint at once, per worker."
    )
    endpoint_queue: int = Field(
        default=4_096,
        ge=1,
        le=100_000,
        description="Deliveries to one endpoint that wait for a slot; more go to a tier. Fewer "
        "while the endpoint does not keep up.",
    )
    flood_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of a partition's records in a minute that may be dead-lettered as no "
        "events; over it (and over 100) the partition is paused, for a minute and then longer. 1: "
        "no limit.",
    )
    schema_wait: float = Field(
        default=300.0,
        ge=0,
        le=86_400,
        description="Seconds that a partition waits for a schema that is not known; then the "
        "record is a dead letter, `schema_unknown`.",
    )
    position_past_end: PastEnd = Field(
        default=PastEnd.START,
        description="Where to begin when a group's position is past the end of its log (a topic "
        "made again, a cluster restored): `start` loses nothing and may repeat, `end` skips what "
        "the log holds now.",
    )
    dns_timeout: _Seconds = Field(default=5.0, description="Seconds for a name look-up.")
    connect_timeout: _Seconds = Field(default=5.0, description="Seconds for a TCP connect.")
    tls_timeout: _Seconds = Field(default=5.0, description="Seconds for a TLS handshake.")
    write_timeout: _Seconds = Field(default=5.0, description="Seconds for sending a request.")
    first_byte_timeout: _Seconds = Field(
        default=15.0, description="Seconds until the first byte of an answer."
    )
    total_timeout: _Seconds = Field(default=20.0, description="Seconds for an attempt as a whole.")
    proxy_url: SecretStr = Field(
        default=SecretStr(""),
        description="Forward proxy, `http://[user:password@]host:port`: every request goes through "
        "a tunnel (CONNECT) to an address that was looked up and checked here.",
    )
    proxy_resolves: bool = Field(
        default=False,
        description="Give the proxy names instead of addresses, for proxies that filter by name or "
        "networks without DNS: then the proxy alone must refuse names that lead inside.",
    )
    tls_ca_file: Path | None = Field(
        default=None,
        description="PEM file with the authorities to trust, instead of those of certifi.",
    )
    tls_certificate_file: Path | None = Field(
        default=None,
        description="PEM file with our certificate and its intermediates, for endpoints that ask "
        "for one.",
    )
    tls_key_file: Path | None = Field(
        default=None,
        description="PEM file with that certificate's private key, when it is not in the same "
        "file.",
    )

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(_network(part.strip()) for part in value.split(",") if part.strip())

    @field_validator("proxy_url", mode="after")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        if url := value.get_secret_value():
            Proxy.parse(url)
        return value

    @property
    def proxy(self) -> Proxy | None:
        """The forward proxy, if there is one."""
        url = self.proxy_url.get_secret_value()
        return Proxy.parse(url, resolves=self.proxy_resolves) if url else None

    @property
    def timeouts(self) -> Timeouts:
        """Of one attempt, by phase."""
        return Timeouts(
            self.dns_timeout,
            self.connect_timeout,
            self.tls_timeout,
            self.write_timeout,
            self.first_byte_timeout,
            self.total_timeout,
        )


def _network(text: str) -> IPNetwork:
    try:
        return ip_network(text)
    except ValueError:
        msg = f"{text!r} is no network such as 127.0.0.0/8 or ::1/128"
        raise ValueError(msg) from None
