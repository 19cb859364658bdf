"""Stylesheet with the embedding application's accent color, as pages have no inline styles."""

from __future__ import annotations

import re
from typing import Final

_ACCENT: Final = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_BRIGHT: Final = 0.179
"""Luminance at which black and white text have the same contrast (WCAG 2)."""


def accent_css(accent: str | None) -> str:
    """Return the stylesheet; empty without a valid color."""
    found = _ACCENT.fullmatch(accent or "")
    if found is None:
        return ""
    red, green, blue = (_linear(int(part, 16) / 255) for part in found.groups())
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    text = "#000000" if luminance > _BRIGHT else "#ffffff"
    rule = f"background: {accent}; border-color: {accent}; color: {text};"
    return f"button.main, a.button.main {{ {rule} }}\n"


def _linear(value: float) -> float:
    low = 0.04045
    return float(value / 12.92 if value <= low else ((value + 0.055) / 1.055) ** 2.4)
