"""Short names of browsers, from the headers in which they call themselves everything at once."""

from __future__ import annotations

from typing import Final

# In this order: each of them names those behind it, too.
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
    """Return a browser's name and system, such as `Firefox, Linux`; else its first word."""
    name = next((word for sign, word in _BROWSERS if sign in agent), None)
    system = next((word for sign, word in _SYSTEMS if sign in agent), None)
    if name is None:
        return agent.split("/", maxsplit=1)[0].split(" ", maxsplit=1)[0][:40] or "unknown"
    return name if system is None else f"{name}, {system}"
