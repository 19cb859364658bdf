"""Alert rules with shorter times, so that a fault of seconds stands for one of hours.

Every window, offset and `for` is divided by `WINDOWS`, and a `for` is ten seconds at most. Every
whole threshold in seconds that a metric has to exceed is divided by `SECONDS`. The metrics
themselves, the shares of an error budget and the three days of dead letters stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

WINDOWS: Final = 120
SECONDS: Final = 20
LONGEST_FOR_MS: Final = 10_000
UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WINDOW: Final = re.compile(r"\[(\d+)([smhd])\]")
_OFFSET: Final = re.compile(r"offset (\d+)([smhd])")
_THRESHOLD: Final = re.compile(r"(plaudit_\w+_seconds\b[^<>]* > )(\d+)(?![.\d])")


def shortened(rules: str) -> str:
    """Return a file of rules with shorter times."""
    found = yaml.safe_load(rules)
    for rule in _rules(found):
        query = _WINDOW.sub(lambda each: f"[{_shorter(each[1] + each[2])}]", rule["expr"])
        query = _OFFSET.sub(lambda each: f"offset {_shorter(each[1] + each[2])}", query)
        rule["expr"] = _THRESHOLD.sub(lambda each: f"{each[1]}{int(each[2]) / SECONDS:g}", query)
        if "for" in rule:
            rule["for"] = _shorter(rule["for"], LONGEST_FOR_MS)
    return str(yaml.safe_dump(found, sort_keys=False))


def _rules(file: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in file["groups"]:
        yield from group["rules"]


def _shorter(duration: str, most_ms: int = 1 << 60) -> str:
    whole_ms = int(duration[:-1]) * UNITS[duration[-1]] * 1_000
    return f"{min(most_ms, whole_ms // WINDOWS)}ms"
