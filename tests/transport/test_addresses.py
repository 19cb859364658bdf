"""Which URLs are read, and which addresses may be reached."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.transport.addresses import AddressPolicy, check_url
from plaudit.transport.errors import AddressRefused, UrlRefused

POLICY = AddressPolicy(())


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://Hooks.Example.com", "hooks.example.com", 443, "/"),
        ("https://hooks.example.com:8443/a?b=c%20d", "hooks.example.com", 8443, "/a?b=c%20d"),
        ("https://bücher.example/x", "xn--bcher-kva.example", 443, "/x"),
        ("https://[2606:4700::1111]/x", "2606:4700::1111", 443, "/x"),
        ("http://1.1.1.1", "1.1.1.1", 80, "/"),
    ],
)
def test_a_url_is_read_into_its_parts(url: str, host: str, port: int, path: str) -> None:
    target = check_url(url)
    assert (target.host, target.port, target.path) == (host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "gopher://example.com/",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@example.com/",
        "https://example.com\\@evil.example/",
        "https://example.com/#part",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:port/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://2130706433/",
        "https://127.1/",
        "https://017700000001/",
        "https://0x7f000001./",
        "https://127.0.0.01/",
        "https://[::ffff:127.0.0.1%25lo]/",
        "https://[fe80::1%25eth0]/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: evil",
        "https://example..com/",
        "https://" + "a" * 64 + ".example/",
        "https://example.com/" + "x" * 3_000,
    ],
)
def test_an_ambiguous_url_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        POLICY.check(check_url(url))
    assert refused.value.reason


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_makes_reading_a_url_crash(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        try:
            target = check_url(url)
        except UrlRefused:
            continue
        assert check_url(target.url).url == target.url, "its canonical form reads as itself"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 - refused, not bound
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "2002:0a00:0001::",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "::127.0.0.1",
        "2001:0:53aa:64c:0:0:f5ff:fffe",
        "2606:4700::200:5efe:a00:1",
        "168.63.129.16",
    ],
)
def test_private_addresses_are_refused_in_every_disguise(address: str) -> None:
    assert POLICY.refuses(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused) as refused:
        POLICY.check(check_url(f"https://{host}/"))
    assert refused.value.literal


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111"])
def test_public_addresses_are_allowed_by_https_only(address: str) -> None:
    assert POLICY.refuses(ip_address(address)) is None
    host = f"[{address}]" if ":" in address else address
    POLICY.check(check_url(f"https://{host}/"))
    with pytest.raises(AddressRefused):
        POLICY.check(check_url(f"http://{host}/"))


@pytest.mark.parametrize(
    "url", ["https://10.0.0.1./", "https://\uff11\uff10.0.0.1/", "https://10\u30020\u30020\u30021/"]
)
def test_another_spelling_of_a_private_address_is_still_that_address(url: str) -> None:
    assert check_url(url).host == "10.0.0.1"
    with pytest.raises(AddressRefused):
        POLICY.check(check_url(url))


def test_an_allowed_network_opens_its_addresses_also_for_plain_http() -> None:
    policy = AddressPolicy((ip_network("127.0.0.0/8"),))
    policy.check(check_url("http://127.0.0.1:8080/"))
    with pytest.raises(AddressRefused):
        policy.check(check_url("http://10.0.0.1/"))
    with pytest.raises(AddressRefused):
        policy.check(check_url("http://1.1.1.1/"))
