"""Host names in the URLs of endpoints."""

from __future__ import annotations

from collections.abc import Iterable

from plaudit.transport.addresses import check_url
from plaudit.transport.errors import UrlRefused


def host_names(urls: Iterable[str]) -> set[str]:
    """Return the host names in URLs, without literal addresses and invalid URLs."""
    names = set()
    for url in urls:
        try:
            target = check_url(url)
        except UrlRefused:
            continue
        if target.address is None:
            names.add(target.host)
    return names
