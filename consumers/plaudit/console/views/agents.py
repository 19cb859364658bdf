"""Short names of browsers, from their `User-Agent` headers."""

from __future__ import annotations

from typing import Final

# In this order, because the header of each also contains the names of later ones.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """Return a browser's name and system, such as `Firefox, Linux`, or the header's first word."""
    name = next((word for sign, word in _BROWSERS if sign in agent), None)
    system = next((word for sign, word in _SYSTEMS if sign in agent), None)
    if name is None:
        return agent.split("/", maxsplit=1)[0].split(" ", maxsplit=1)[0][:40] or "unknown"
    return name if system is None else f"{name}, {system}"
