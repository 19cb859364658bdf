"""The shape of a platform's day: its tenants, their endpoints, what they publish and what breaks.

Pure: the same numbers and seed make the same day.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Final

from lab.day.kinds import BESIDE, FLOODED, FLOODED_LIMIT, KINDS, WIDE, Kind
from lab.scenario import APPROVED, EVERY_TOPIC, Subscriber

SEED: Final = 15
WIDE_SHARE: Final = 10
"""One endpoint in so many belongs to the wide tenant."""
ALL_TYPES: Final = 0.2
"""The share of endpoints that want every type of event; the others want one."""
TYPE_WEIGHTS: Final = dict(zip(EVERY_TOPIC, (7, 1, 1, 1), strict=True))
"""Testimonials are nearly all that a platform publishes."""
BESIDE_TYPE: Final = EVERY_TOPIC[1]
DAY_SWING: Final = 0.5
"""How far the rate goes above and below its average, in the course of the day."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of a tenant.

    Attributes:
        number: among all endpoints.
    """

    number: int
    kind: Kind
    types: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name as a subscriber, and its path."""
        return f"e{self.number}"

    @property
    def host(self) -> str:
        """An address of its own: no two endpoints share an origin."""
        return f"127.1.{self.number // 250}.{self.number % 250 + 1}"

    def subscriber(self, workspace: str) -> Subscriber:
        """Return it as the laboratory's parts know it."""
        return Subscriber(self.name, self.kind.behavior, self.types, workspace=workspace)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A workspace.

    Attributes:
        weight: its share of the steady traffic, relative to the others'.
    """

    name: str
    workspace: str
    endpoints: tuple[Endpoint, ...]
    weight: float

    def fan_out(self, event_type: str) -> int:
        """Return how many deliveries an event of a type makes."""
        return sum(not each.types or event_type in each.types for each in self.endpoints)

    @property
    def mean_fan_out(self) -> float:
        """Return how many deliveries an event makes on average."""
        weights = TYPE_WEIGHTS.items()
        return sum(self.fan_out(name) * weight for name, weight in weights) / sum(
            TYPE_WEIGHTS.values()
        )


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a day.

    Attributes:
        minutes: that it takes.
        per_s: deliveries a second, on average and without the bursts.
        burst: deliveries of each burst.
    """

    minutes: float = 60.0
    workspaces: int = 200
    endpoints: int = 2_000
    per_s: float = 300.0
    burst: int = 5_000

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.minutes * 60


@dataclass(frozen=True, slots=True)
class Shape:
    """The tenants of a day.

    Attributes:
        tenants: every one.
        wide: the one with the most endpoints.
        flooded: the one whose 100 ms endpoint is flooded.
        limited: the one whose endpoint with a rate limit is flooded.
    """

    size: Size
    tenants: tuple[Tenant, ...]
    wide: Tenant
    flooded: Tenant
    limited: Tenant
    kinds: dict[str, Kind] = field(default_factory=dict)
    """By subscriber."""

    @property
    def ordinary(self) -> tuple[Tenant, ...]:
        """The tenants that publish steadily."""
        return tuple(each for each in self.tenants if each.weight)

    @property
    def mean_fan_out(self) -> float:
        """Deliveries of an event, on average over the steady traffic."""
        ordinary = self.ordinary
        total = sum(each.weight for each in ordinary)
        return sum(each.weight * each.mean_fan_out for each in ordinary) / total

    def events_per_s(self, elapsed_s: float) -> float:
        """Return the rate of events at a moment: one swell and one lull in a day."""
        swing = DAY_SWING * math.sin(2 * math.pi * elapsed_s / self.size.seconds)
        return self.size.per_s / self.mean_fan_out * (1 + swing)


def make(size: Size, seed: int = SEED) -> Shape:
    """Return the tenants of a day."""
    random = Random(seed)  # noqa: S311 - a shape, no secrets
    special = 2 * 3
    wide_count = max(2, size.endpoints // WIDE_SHARE)
    kinds = _kinds(size.endpoints - wide_count - special, random)
    numbers = iter(range(size.endpoints))
    # A fifth of the average, so that it publishes less often than it is large.
    wide = _tenant("wide", [(WIDE, ())] * wide_count, numbers, weight=0.02, random=random)
    beside = [(BESIDE, (BESIDE_TYPE,))] * 2
    flooded = _tenant("flooded", [(FLOODED, (APPROVED,)), *beside], numbers, 0.0, random)
    limited = _tenant("limited", [(FLOODED_LIMIT, (APPROVED,)), *beside], numbers, 0.0, random)
    others = []
    for rank, share in enumerate(_shares(kinds, max(1, size.workspaces - 3), random)):
        wanted = [(kind, _types(random)) for kind in share]
        weight = 1 / math.sqrt(rank + 1)
        others.append(_tenant(f"t{rank}", wanted, numbers, weight, random))
    tenants = (wide, flooded, limited, *others)
    by_name = {each.name: each.kind for tenant in tenants for each in tenant.endpoints}
    return Shape(size, tenants, wide, flooded, limited, by_name)


def pick(tenants: Sequence[Tenant], random: Random) -> Tenant:
    """Return a tenant by weight."""
    return random.choices(tenants, cum_weights=list(accumulate(t.weight for t in tenants)))[0]


def event_type(random: Random) -> str:
    """Return a type of event by weight."""
    return random.choices(list(TYPE_WEIGHTS), weights=list(TYPE_WEIGHTS.values()))[0]


def _kinds(count: int, random: Random) -> list[Kind]:
    """Return a kind for each endpoint: every kind at least once, the rest by weight."""
    rest = random.choices(KINDS, weights=[each.weight for each in KINDS], k=count - len(KINDS))
    found = [*KINDS, *rest]
    random.shuffle(found)
    return found


def _shares(kinds: list[Kind], tenants: int, random: Random) -> Iterator[list[Kind]]:
    """Share endpoints out over tenants: at least one each, few with many."""
    shares: list[list[Kind]] = [[] for _ in range(tenants)]
    weights = [1 + random.paretovariate(1.5) for _ in range(tenants)]
    for number, kind in enumerate(kinds):
        share = shares[number] if number < tenants else random.choices(shares, weights=weights)[0]
        share.append(kind)
    return iter(shares)


def _types(random: Random) -> tuple[str, ...]:
    return () if random.random() < ALL_TYPES else (event_type(random),)


def _tenant(
    name: str,
    wanted: Sequence[tuple[Kind, tuple[str, ...]]],
    numbers: Iterator[int],
    weight: float,
    random: Random,
) -> Tenant:
    workspace = str(uuid.UUID(int=random.getrandbits(128), version=4))
    endpoints = (Endpoint(next(numbers), kind, types) for kind, types in wanted)
    return Tenant(name, workspace, tuple(endpoints), weight)
