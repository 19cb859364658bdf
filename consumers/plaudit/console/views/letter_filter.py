"""Filter of dead letters: in the address, as a condition, and in a job's parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from plaudit.api.problems import Refused
from plaudit.dlq.letters.filters import FilterOptions, LetterFilter, LetterFilterRefused, parse
from plaudit.dlq.letters.letter import Kind

NAMES: Final = ("kind", "endpoint", "reason", "type", "status", "since", "until", "error")


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Conditions in the address of a list; None means any."""

    kind: str | None = None
    endpoint: str | None = None
    reason: str | None = None
    type: str | None = None
    status: str | None = None
    since: str | None = None
    until: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, value: Callable[[str], str | None]) -> DeadLetterFilter:
        """Return the filter of a request."""
        return cls(**{name: value(name) for name in NAMES})

    @property
    def given(self) -> dict[str, str]:
        """Conditions that are set."""
        values = {name: getattr(self, name) for name in NAMES}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def letters(self) -> Kind:
        """Kind of the letters.

        Raises:
            Refused: the kind is unknown.
        """
        try:
            return Kind(self.kind or Kind.DELIVERIES)
        except ValueError:
            detail = f"{self.kind!r} is not one of {', '.join(Kind)}"
            raise Refused(422, detail, field="kind") from None

    def condition(self, workspace_id: str | None, now_ms: int) -> LetterFilter:
        """Return the condition for letters.

        Raises:
            Refused: a value is invalid; the message names the field.
        """
        options = FilterOptions(
            _one(workspace_id),
            _one(self.endpoint),
            _one(self.type),
            _one(self.reason),
            (),
            _one(self.status),
            self.since,
            self.until,
            error=self.error,
        )
        try:
            return parse(options, now_ms)
        except LetterFilterRefused as refused:
            raise Refused(422, str(refused), field=refused.option.removeprefix("--")) from None

    def of_job(self, until: str, ids: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the conditions for the parameters of a job.

        Args:
            until: end of the time range, unless the filter has one.
            ids: selected letters; empty means all that match.
        """
        return {
            "endpoint_ids": _one(self.endpoint),
            "types": _one(self.type),
            "reasons": _one(self.reason),
            "statuses": _one(self.status),
            "since": self.since,
            "until": self.until or until,
            "error": self.error,
            **({"ids": list(ids)} if ids else {}),
        }


def _one(text: str | None) -> list[str]:
    return [] if text is None else [text]
