"""Settings of delivery by concern, from `PLAUDIT_*` and a `.env` file."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from plaudit.endpoints.keys import SecretKeys
from plaudit.kafka.base_settings import EnvSettings
from plaudit.kafka.read.positions import PastEnd
from plaudit.transport.addresses import IPNetwork
from plaudit.transport.net.proxy import Proxy
from plaudit.transport.sender import Timeouts

_Seconds = Annotated[float, Field(gt=0, le=300)]


class SealSettings(EnvSettings):
    """Protection of endpoints' secrets.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Keys for endpoints' secrets: base64 of 32 bytes each, comma-separated. The "
        "first key encrypts; all of them decrypt.",
    )
    require_bound_endpoints: bool = Field(
        default=False,
        description="Refuse endpoint records whose owner and filters are not authenticated, as "
        "releases before 0.2 wrote them. Set it after `plaudit endpoints reseal`. The default will "
        "change.",
    )

    @property
    def keys(self) -> SecretKeys:
        """The keys.

        Raises:
            SettingsError: `PLAUDIT_SECRET_KEY` is not set, or is not a list of keys.
        """
        return SecretKeys.from_setting(self.secret_key.get_secret_value())

    @property
    def keys_if_set(self) -> SecretKeys | None:
        """The keys; None if `PLAUDIT_SECRET_KEY` is not set.

        Raises:
            SettingsError: it is not a list of keys.
        """
        return self.keys if self.secret_key.get_secret_value() else None


class HttpSettings(EnvSettings):
    """Requests to endpoints.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    allow_networks: Annotated[tuple[IPNetwork, ...], NoDecode] = Field(
        default=(),
        description="Private networks (CIDR) that requests may reach, also with plain http; for "
        "development.",
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
        description="Forward proxy, `http://[user:password@]host:port`: every request uses a "
        "tunnel (CONNECT) to an address that the worker has looked up and checked.",
    )
    proxy_resolves: bool = Field(
        default=False,
        description="Pass names to the proxy instead of addresses, for proxies that filter by "
        "name and for networks without DNS. Then the proxy must refuse private addresses itself.",
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
        """Time limits of an attempt, by phase."""
        return Timeouts(
            self.dns_timeout,
            self.connect_timeout,
            self.tls_timeout,
            self.write_timeout,
            self.first_byte_timeout,
            self.total_timeout,
        )


class IsolationSettings(EnvSettings):
    """Limits that keep one endpoint, or one producer, from slowing down the others.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    endpoint_in_flight: int = Field(
        default=64, ge=1, le=10_000, description="Requests to one endpoint at once, per worker."
    )
    endpoint_queue: int = Field(
        default=4_096,
        ge=1,
        le=100_000,
        description="Deliveries to one endpoint that wait for a slot; further ones are diverted. "
        "The worker lowers it while the endpoint does not keep up.",
    )
    workspace_backlog: int = Field(
        default=0,
        ge=0,
        le=20_000,
        description="Deliveries of one workspace in hand, per lane and worker; further ones are "
        "diverted, so that a workspace with slow endpoints leaves room for others. 0: no limit.",
    )
    share_health: bool = Field(
        default=True,
        description="Notify other workers when an endpoint fails, recovers, or asks for a slower "
        "pace, and apply their findings (topic `health`).",
    )
    flood_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of a partition's records in a minute that may be dead-lettered as "
        "unreadable. Above it, and above 100 records, the partition is paused for a minute, and "
        "then longer. 1: no limit.",
    )


class ReadingSettings(EnvSettings):
    """Reading of records from Kafka.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    schema_wait: float = Field(
        default=300.0,
        ge=0,
        le=86_400,
        description="Seconds that a partition waits for an unknown schema. Then the record "
        "becomes a dead letter, `schema_unknown`.",
    )
    position_past_end: PastEnd = Field(
        default=PastEnd.START,
        description="Where to read when a group's position is past the end of its log, because "
        "the topic was recreated or the cluster restored: `start` loses nothing and may repeat, "
        "`end` skips what the log holds now.",
    )


class ObservabilitySettings(EnvSettings):
    """Metrics, health and the log of attempts.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    metrics_port: int = Field(
        default=9_464,
        ge=0,
        le=65_535,
        description="Port of /metrics, /healthz and /readyz; 0: none. If it is not set and "
        "another process uses the default, the process takes the next free port.",
    )
    metrics_host: str = Field(default="0.0.0.0", description="Address of the metrics port.")  # noqa: S104 - scraped from elsewhere
    log_attempts: Literal["all", "sample", "failures", "none"] = Field(
        default="sample",
        description="Attempts that are logged, one event each; `sample`: failures, and every "
        "hundredth success of a worker, from its first.",
    )
    attempts_framing: Literal["single-object", "confluent"] = Field(
        default="single-object",
        description="Framing of the `attempts` topic; `confluent` needs a registry, and lets stock "
        "readers of Avro take the topic.",
    )


@dataclass(frozen=True, slots=True)
class DeliverSettings:
    """All settings of a worker.

    Raises:
        SettingsError: a value is invalid; the message names its variable.
    """

    seal: SealSettings = field(default_factory=SealSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    isolation: IsolationSettings = field(default_factory=IsolationSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    observability: ObservabilitySettings = field(default_factory=ObservabilitySettings)


def _network(text: str) -> IPNetwork:
    try:
        return ip_network(text)
    except ValueError:
        msg = f"{text!r} is not a network such as 127.0.0.0/8 or ::1/128"
        raise ValueError(msg) from None
