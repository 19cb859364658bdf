"""A worker with real sockets between A, who is hostile, and V, who is ordinary.

V's events come at a steady rate, into the same partition as A's. What V got, when, and what it cost
is measured with A and without.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from deliver.brokers import OnAck
from deliver.whole import ATTEMPTS, DECODED, EXAMPLE, WORKSPACE, Server, Whole
from plaudit.deliver.http_client import make_context
from plaudit.deliver.pipeline.upkeep import update_endpoints
from plaudit.deliver.settings import HttpSettings
from plaudit.events.decoding import SchemaLookup
from plaudit.records.attempt import decode_attempt
from plaudit.transport.addresses import AddressPolicy
from plaudit.transport.engine.engine import Engine
from plaudit.transport.net.dialer import Dialer
from plaudit.transport.net.resolver import Resolver, SystemResolver
from plaudit.transport.sender import PoolLimits, Sender, Timeouts

Attack = Sequence[tuple[str, bytes, Sequence[tuple[str, bytes]]]]
"""Records of A's: the lane, the value and the headers."""

OF_V: Final = WORKSPACE
OF_A: Final = str(UUID(int=0xA, version=4))
V: Final = str(UUID(int=0xF0))
PER_S: Final = 200.0
ROUND_S: Final = 0.005
LOOK_EVERY: Final = 50
"""Rounds between looks: four times a second, as the worker."""
AT_ONCE: Final = 4
"""Of V's events in a round: a worker that gets no CPU for a while is not flooded afterwards."""
PATIENCE_S: Final = 60.0
TIERS_S: Final = {"now": 0.0, "5s": 5.0, "5m": 300.0}
TIMEOUTS: Final = Timeouts(2.0, 2.0, 2.0, 2.0, 2.0, 3.0)


def withheld_s() -> float:
    """Return how long this thread was ready to run, and the machine ran others, since its start."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0  # A kernel without such figures: it counts as V's time.


def event_of(number: int, workspace: str) -> bytes:
    """Return an event of a workspace, with an id of its own."""
    event_id = str(UUID(int=number, version=4)).encode()
    mine = EXAMPLE.replace(OF_V.encode(), workspace.encode())
    return mine.replace(DECODED.event_id.encode(), event_id)


class Noting(Server):
    """Brokers that note when V's deliveries are done, by event id."""

    def __init__(self) -> None:
        super().__init__()
        self.delivered: dict[str, float] = {}
        self.of_a: list[bytes] = []

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        headers: list[tuple[str, bytes]] | None,
        *,
        on_ack: OnAck,
    ) -> None:
        """Take a record."""
        if topic == ATTEMPTS:
            if key == V.encode():
                attempt = decode_attempt(value)
                if attempt["outcome"] == "delivered":
                    self.delivered[attempt["event_id"]] = time.monotonic()
            else:
                self.of_a.append(value)
        super().send(topic, value, key, headers, on_ack=on_ack)


@dataclass
class Measured:
    """The deliveries of V's events.

    Attributes:
        published: when each came, by id.
        delivered: when each was delivered.
        cpu_s: of the whole process, meanwhile.
        of_a: records of A's attempts, meanwhile; one that is diverted makes no request.
        sent_by_a: records that A sent.
        withheld_s: what other programs took of that time.
    """

    published: dict[str, float]
    delivered: dict[str, float]
    cpu_s: float
    of_a: list[bytes]
    sent_by_a: int
    withheld_s: float
    late_ms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        both = self.published.keys() & self.delivered.keys()
        self.late_ms = sorted((self.delivered[each] - self.published[each]) * 1e3 for each in both)

    @property
    def requests_of_a(self) -> int:
        """Requests that A's receivers got."""
        return sum(decode_attempt(each)["number"] > 0 for each in self.of_a)

    @property
    def complete(self) -> bool:
        """True when V got everything."""
        return self.published.keys() == self.delivered.keys()

    @property
    def took_s(self) -> float:
        """The seconds from V's first event to its last delivery."""
        return max(self.delivered.values()) - min(self.published.values())

    def __str__(self) -> str:
        if not self.late_ms:
            return f"none of {len(self.published)}"
        middle, last = self.late_ms[len(self.late_ms) // 2], self.late_ms[-1]
        return (
            f"{len(self.delivered)} of {len(self.published)} in {self.took_s:.2f} s, "
            f"p50 {middle:.1f} ms, max {last:.0f} ms, CPU {self.cpu_s:.2f} s, "
            f"{self.withheld_s:.2f} s withheld"
        )


class Worker(Whole):
    """A worker, with the engine that it has in production.

    Args:
        sender: the engine.
        url: of V's endpoint.
        lookup: knows the schemas of records.
    """

    def __init__(self, sender: Sender, url: str, lookup: SchemaLookup) -> None:
        self.noting = Noting()
        super().__init__(self.noting, sender=sender, endpoints={}, lookup=lookup)
        self.add(V, url)
        self._rounds = 0

    def endpoints_of_a(self, urls: Sequence[str], **given: object) -> list[str]:
        """Let A have endpoints; return their ids."""
        ids = [str(UUID(int=0xA00 + number)) for number in range(len(urls))]
        for endpoint_id, url in zip(ids, urls, strict=True):
            self.add(endpoint_id, url, workspace_id=OF_A, **given)
        return ids

    async def measure(self, seconds: float, attack: Callable[[int], Attack]) -> Measured:
        """Let V's events come for so long, each after what A sends then."""
        published: dict[str, float] = {}
        cpu_s, began, withheld = time.process_time(), time.monotonic(), withheld_s()
        count, sent_by_a = int(seconds * PER_S), 0
        until = began + seconds + PATIENCE_S
        while len(self.noting.delivered) < count and time.monotonic() < until:
            due = min(count, int((time.monotonic() - began) * PER_S) + 1)
            for number in range(len(published), min(due, len(published) + AT_ONCE)):
                for lane, value, headers in attack(number):
                    side = self.events if lane == "events" else self.deliveries
                    side.hand_over(value, headers)
                    sent_by_a += 1
                published[str(UUID(int=number, version=4))] = time.monotonic()
                self.events.hand_over(event_of(number, OF_V))
            await self._go_on()
        return Measured(
            published,
            self.noting.delivered,
            time.process_time() - cpu_s,
            self.noting.of_a,
            sent_by_a,
            withheld_s() - withheld,
        )

    def _bring_back(self) -> None:
        """Hand over what was diverted or is retried of V's, as the other lane reads it."""
        written, self.noting.written = self.noting.written, []
        for each in written:
            tier = each.topic.partition("deliveries.")[2]
            if each.key == V.encode() and tier:
                delay_s = TIERS_S[tier]
                headers = list(each.headers.items())
                hand_over = partial(self.deliveries.hand_over, each.value, headers)
                asyncio.get_running_loop().call_later(delay_s, hand_over)

    async def _go_on(self) -> None:
        self._rounds += 1
        await asyncio.sleep(ROUND_S)
        self.server.serve()
        self._bring_back()
        for side in self.sides:
            side.take_done()
            if self._rounds % LOOK_EVERY == 0:
                self.look(partial(update_endpoints, side.pipeline))
                self.look(side.lane.retry)
        if self._rounds % LOOK_EVERY == 0:
            self.look(self.settler.repeat_failed)


def engine(resolver: Resolver | None = None, age_s: float = 300.0) -> Engine:
    """Return an engine that may reach this machine; `age_s` 0: each request has a connection."""
    settings = HttpSettings.model_validate({"allow_networks": "127.0.0.0/8"})
    policy = AddressPolicy(settings.allow_networks)
    dialer = Dialer(policy, TIMEOUTS, resolver or SystemResolver())
    return Engine(dialer, make_context(settings), limits=PoolLimits(20_000, age_s=age_s))
