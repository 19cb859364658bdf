"""Address policy: URLs and addresses that may be reached.

A URL is parsed once, strictly, into a `Target`. Anything that two parsers could read differently
(octal or hexadecimal addresses, userinfo, backslashes, zone ids) is refused. `AddressPolicy` checks
addresses after the look-up, right before connecting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple
from urllib.parse import quote

import idna

from plaudit.transport.errors import AddressRefused, UrlRefused

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

LONGEST_URL = 2_048
"""Characters of a URL that browsers and proxies accept."""
LONGEST_NAME = 253
"""Characters of a host name (RFC 1035 section 2.3.4, without the length bytes)."""
DEFAULT_PORTS = {"http": 80, "https": 443}

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# The URL Standard parses a host whose last label looks like this as an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[0-9]{1,5}")
_PATH_SAFE = "!$%&'()*+,-./:;=?@[]_~"


class Origin(NamedTuple):
    """Requests with the same origin can share a connection."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a request, read from a URL by `check_url`.

    Attributes:
        origin: scheme (`http` or `https`), host (lower-case ASCII name without a trailing dot, or
            an address without brackets) and port.
        path: path and query, percent-encoded ASCII, beginning with `/`.
        authority: the `Host` header: host and, unless it is the scheme's own, port.
        address: the host when it is a literal address, else None.
    """

    origin: Origin
    path: str
    authority: str
    address: IPAddress | None = None

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return self.origin.scheme

    @property
    def host(self) -> str:
        """Name or address, without brackets."""
        return self.origin.host

    @property
    def port(self) -> int:
        """1 to 65535."""
        return self.origin.port

    @property
    def url(self) -> str:
        """The URL in its canonical form."""
        return f"{self.scheme}://{self.authority}{self.path}"


def check_url(url: str) -> Target:
    """Parse an absolute http or https URL; `AddressPolicy` decides whether it may be reached.

    Raises:
        UrlRefused: not such a URL, or one that parsers could read in different ways.
    """
    if len(url) > LONGEST_URL:
        msg = f"the URL is longer than {LONGEST_URL} characters"
        raise UrlRefused(msg)
    if found := _FORBIDDEN.search(url):
        msg = f"the URL contains {found[0]!r}; percent-encode it in the path, remove it elsewhere"
        raise UrlRefused(msg)
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in DEFAULT_PORTS:
        msg = "the URL must begin with https:// (or http://, where that is allowed)"
        raise UrlRefused(msg)
    if "#" in rest:
        msg = "the URL has a fragment (#…), which is never sent; remove it"
        raise UrlRefused(msg)
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    origin, authority, address = _place(scheme, rest[:end])
    return Target(origin, _path(rest[end:]), authority, address)


@lru_cache(maxsize=1_024)
def _place(scheme: str, authority: str) -> tuple[Origin, str, IPAddress | None]:
    """Return origin, `Host` header and literal address; URLs of one host share these objects."""
    host, port = _split_authority(authority)
    address = _literal(host)
    name = str(address) if address is not None else _name(host)
    origin = Origin(scheme, name, _port(port, scheme))
    return origin, _authority(origin, address), address


def _split_authority(authority: str) -> tuple[str, str | None]:
    """Split into host (an IPv6 address keeps its brackets) and port."""
    if "@" in authority:
        msg = "the URL contains a user name or password; send credentials in a header instead"
        raise UrlRefused(msg)
    if authority.startswith("["):
        host, bracket, after = authority.partition("]")
        if not bracket or (after and not after.startswith(":")):
            msg = "the URL's IPv6 address must be written as [address] or [address]:port"
            raise UrlRefused(msg)
        return f"{host}]", after[1:] if after else None
    host, separator, port = authority.partition(":")
    if ":" in port:
        msg = "the URL's host has more than one colon; an IPv6 address goes into [brackets]"
        raise UrlRefused(msg)
    return host, port if separator else None


def _port(port: str | None, scheme: str) -> int:
    if port is None:
        return DEFAULT_PORTS[scheme]
    if not _PORT.fullmatch(port) or port.startswith("0") or int(port) > 0xFFFF:  # noqa: PLR2004 - the largest port
        msg = f"the URL's port {port!r} is not a number from 1 to 65535"
        raise UrlRefused(msg)
    return int(port)


def _literal(host: str) -> IPAddress | None:
    """Return the address if the host is one; None if it is a name."""
    if host.startswith("["):
        if "%" in host:
            msg = "the URL's IPv6 address has a zone id (%…), which names a link of this machine"
            raise UrlRefused(msg)
        try:
            return IPv6Address(host[1:-1])
        except AddressValueError:
            msg = f"the URL's host {host} is not an IPv6 address"
            raise UrlRefused(msg) from None
    folded = _fold(host)
    if not _NUMBER.fullmatch(folded.rpartition(".")[2]):
        return None
    try:
        return IPv4Address(folded)
    except AddressValueError:
        msg = (
            f"the URL's host {host!r} is a number but no plain IPv4 address; "
            "write it as four decimal numbers without leading zeros"
        )
        raise UrlRefused(msg) from None


def _fold(host: str) -> str:
    """Convert to the lower-case ASCII form for resolvers, without one trailing dot (UTS 46)."""
    try:
        ascii_host = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        msg = f"the URL's host {host!r} is not a valid international name: {error}"
        raise UrlRefused(msg) from None
    return ascii_host.removesuffix(".")


def _name(host: str) -> str:
    name = _fold(host)
    if len(name) > LONGEST_NAME or not all(map(_LABEL.fullmatch, name.split("."))):
        msg = f"the URL's host {host!r} is not a valid host name" if host else "the URL has no host"
        raise UrlRefused(msg)
    return name


def _path(path: str) -> str:
    try:
        encoded = quote(path, safe=_PATH_SAFE)
    except UnicodeEncodeError:
        msg = "the URL's path contains half of a surrogate pair; percent-encode it"
        raise UrlRefused(msg) from None
    return encoded if encoded.startswith("/") else f"/{encoded}"


def _authority(origin: Origin, address: IPAddress | None) -> str:
    host = f"[{origin.host}]" if isinstance(address, IPv6Address) else origin.host
    return host if origin.port == DEFAULT_PORTS[origin.scheme] else f"{host}:{origin.port}"


# IANA special-purpose registries (RFC 6890 and successors), and addresses of cloud providers.
# Listed here because `ipaddress.is_global` differs between Python versions. The first match gives
# the reason.
_REFUSED: tuple[tuple[IPNetwork, str], ...] = tuple(
    (ip_network(network), reason)
    for network, reason in (
        ("127.0.0.0/8", "loopback"),
        ("10.0.0.0/8", "private network"),
        ("172.16.0.0/12", "private network"),
        ("192.168.0.0/16", "private network"),
        ("169.254.0.0/16", "link-local, cloud metadata"),
        ("168.63.129.16/32", "cloud metadata"),
        ("100.64.0.0/10", "shared address space (CGNAT)"),
        ("0.0.0.0/8", "this host"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("198.18.0.0/15", "benchmarking"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved or broadcast"),
        ("::1/128", "loopback"),
        ("::/128", "this host"),
        ("fc00::/7", "private network"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("2001::/23", "protocol assignments, Teredo"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_V4_COMPATIBLE = IPv6Network("::/96")
_LOW_32_BITS = 0xFFFF_FFFF
# Interface identifiers of ISATAP (RFC 5214): these 32 bits, then an IPv4 address.
_ISATAP = frozenset((0x0000_5EFE, 0x0200_5EFE))


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a gateway would extract from this one, if any."""
    low = int(address) & _LOW_32_BITS
    if address.sixtofour is not None:
        return address.sixtofour
    if (
        address in _NAT64
        or address in _V4_COMPATIBLE
        or (int(address) >> 32) & _LOW_32_BITS in _ISATAP
    ):
        return IPv4Address(low)
    return None


def _special(address: IPAddress) -> str | None:
    for network, reason in _REFUSED:
        if address in network:
            return reason
    if isinstance(address, IPv4Address):
        return None
    inner = _embedded(address)
    if inner is not None and (reason_of_inner := _special(inner)):
        return f"leads to an IPv4 address: {reason_of_inner}"
    if address not in _GLOBAL_UNICAST and address not in _NAT64:
        return "not a global unicast address"
    return None


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Refuses everything but public unicast addresses, and plain http altogether.

    Attributes:
        allow: networks that may be reached regardless, plain http included; for development.
    """

    allow: tuple[IPNetwork, ...] = ()

    def allows(self, address: IPAddress) -> bool:
        """Return whether `allow` contains this address; an IPv4-mapped one counts as IPv4."""
        plain = _unmapped(address)
        return any(plain in network for network in self.allow)

    def refuses(self, address: IPAddress) -> str | None:
        """Return why the address may not be reached; None if it may."""
        plain = _unmapped(address)
        return None if self.allows(plain) else _special(plain)

    def check(self, target: Target) -> None:
        """Check the scheme and a literal address, which need no look-up.

        Raises:
            AddressRefused: with `literal` set.
        """
        if target.address is not None:
            self._judge(target, target.address, literal=True)
        elif target.scheme == "http" and not self.allow:
            raise AddressRefused(target.host, "plain http; use https", literal=True)

    def check_all(self, target: Target, addresses: Iterable[IPAddress]) -> None:
        """Check the addresses of a name: a single refused address refuses the name.

        Raises:
            AddressRefused: one is refused; `literal` is true if the target is a literal address.
        """
        for address in addresses:
            self._judge(target, address, literal=target.address is not None)

    def _judge(self, target: Target, address: IPAddress, *, literal: bool) -> None:
        reason = self.refuses(address)
        if reason is None and target.scheme == "http" and not self.allows(address):
            reason = "plain http; use https"
        if reason is not None:
            raise AddressRefused(target.host, reason, literal=literal, address=str(address))


def _unmapped(address: IPAddress) -> IPAddress:
    """Return `::ffff:a.b.c.d` as `a.b.c.d`, to which the system sends it."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def parse_address(text: str) -> IPAddress:
    """Parse an address as resolvers return it, without its zone id."""
    return ip_address(text.partition("%")[0])
