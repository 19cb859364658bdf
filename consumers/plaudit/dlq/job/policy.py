"""Redrive policies: a YAML file with the letters to redrive, and the limits.

every: 1h
policies:
  - name: short outages
    reason: [exhausted, expired]
    status: [5xx, none]
    older_than: 10m
    younger_than: 3d
    max: 10000
    rate: 200
    endpoint_rate: 20
    max_redrives: 2
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from plaudit.bulk.guard import LAG_CAP
from plaudit.dlq.job.job import Order
from plaudit.dlq.job.rules import RedriveOptions
from plaudit.dlq.job.throttle import JobLimits
from plaudit.dlq.letters.filters import FilterOptions, LetterFilterRefused, parse
from plaudit.dlq.letters.letter import Kind
from plaudit.records.durations import DurationError, seconds_of
from plaudit.records.validation import explained, place_of

SHORTEST_MS: Final = 60_000


class PolicyRefused(ValueError):
    """A file of policies is invalid; the message contains the place and the reason."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | int) else value


_Many = Annotated[list[str], BeforeValidator(_listed)]


class Policy(BaseModel):
    """One policy, with the filters of `plaudit dlq list` and the limits of `redrive`."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    name: str = Field(min_length=1, max_length=100)
    kind: Kind = Kind.DELIVERIES
    workspace: _Many = []
    endpoint: _Many = []
    type: _Many = []
    reason: _Many = []
    topic: _Many = []
    status: _Many = []
    older_than: str | None = None
    younger_than: str | None = None
    attempts: str | None = None
    redrives: str | None = None
    error: str | None = None
    max: int | None = Field(default=None, ge=1)
    rate: float | None = Field(default=None, gt=0)
    endpoint_rate: float | None = Field(default=None, gt=0)
    max_redrives: int = Field(default=2, ge=1)
    reset_attempts: bool = True
    lag_cap: int = Field(default=LAG_CAP, ge=0)
    stop_after: int = Field(default=20, ge=0)

    def order(self, now_ms: int) -> Order:
        """Return the job that the policy orders at a time.

        Raises:
            FilterRefused: a filter is invalid.
        """
        asked = FilterOptions(
            self.workspace,
            self.endpoint,
            self.type,
            self.reason,
            self.topic,
            self.status,
            self.younger_than,
            self.older_than,
            self.attempts,
            self.redrives,
            None,
            self.error,
        )
        limits = JobLimits(self.rate, self.endpoint_rate, self.max, self.lag_cap, self.stop_after)
        order = Order(self.kind, parse(asked, now_ms), limits=limits, name=self.name)
        return replace(order, options=RedriveOptions(self.reset_attempts, self.max_redrives))


class Policies(BaseModel):
    """A file of policies, in the order of their runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: str | None = None
    policies: list[Policy] = Field(min_length=1)

    @field_validator("every")
    @classmethod
    def _interval(cls, value: str | None) -> str | None:
        if value is not None:
            every_ms(value)
        return value

    @field_validator("policies")
    @classmethod
    def _distinct(cls, value: list[Policy]) -> list[Policy]:
        names = [each.name for each in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            msg = f"two policies are named {twice!r}"
            raise ValueError(msg)
        return value

    def orders(self, now_ms: int) -> list[Order]:
        """Return the jobs that the policies order at a time."""
        return [each.order(now_ms) for each in self.policies]


def every_ms(text: str) -> int:
    """Parse an interval such as `1h`, in milliseconds.

    Raises:
        PolicyRefused: the text is not an interval, or is under a minute.
    """
    try:
        interval = round(seconds_of(text) * 1_000)
    except DurationError as error:
        msg = f"every: {error}"
        raise PolicyRefused(msg) from None
    if interval < SHORTEST_MS:
        msg = f"every: {text!r} is under a minute"
        raise PolicyRefused(msg)
    return interval


def read_policies(file: Path, now_ms: int) -> Policies:
    """Read a file of policies, and validate every filter in it.

    Raises:
        PolicyRefused: the file is invalid; the message contains the place and the reason.
    """
    try:
        found = Policies.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        for number, each in enumerate(found.policies, 1):
            _check(file, number, each, now_ms)
    except OSError as error:
        msg = f"{file}: {error.strerror}"
        raise PolicyRefused(msg) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{file}: not valid YAML ({' '.join(str(error).split())})"
        raise PolicyRefused(msg) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = place_of(first["loc"])
        msg = f"{file}: {where + ': ' if where else ''}{explained(first)}"
        raise PolicyRefused(msg) from None
    return found


def _check(file: Path, number: int, policy: Policy, now_ms: int) -> None:
    try:
        policy.order(now_ms)
    except LetterFilterRefused as error:
        msg = f"{file}: policy {number} ({policy.name}): {error}"
        raise PolicyRefused(msg) from None
