"""Whatever A's receivers, names and records do, V gets all of it, in its usual time.

Each scenario prints V's figures without A and with A, and their ratio.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
import structlog
import uvloop

from attack.two_tenants import OF_A, OF_V, Attack, Measured, Worker, engine, event_of
from bench.children import Child
from deliver.whole import KEYS, AnySchema, to
from endpoint_records import endpoint_value
from endpoints.test_binding import forged
from events.test_hostile import HOSTILE, TYPE
from plaudit.api.settings import ApiSettings
from plaudit.endpoints.binding import bind
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.events.avro.varint import long_bytes
from plaudit.events.decoding import SINGLE_HEAD
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.models import TestimonialApproved
from plaudit.records.endpoint import decode_endpoint
from plaudit.transport.addresses import IPAddress
from plaudit.transport.net.resolver import SystemResolver

OF_A_FROM: Final = 1_000_000
"""Number of A's first event."""
ENDPOINTS: Final = 10
FILTERS: Final = 200
TAGS: Final = 50_000
NAMES: Final = 400
STRAYS: Final = 90
"""Below what flood protection lets through in a minute."""
QUICK_S, NIGHTLY_S = 0.6, 4.0
BOUND: Final = 1.1
NOISE_S: Final = 1.0
"""What a busy machine may add to V's time. Each of these attacks cost seconds, or everything."""
CPU_EACH_S: Final = 0.01
"""For each of A's attempts or records, whichever are more, on a busy machine. An attempt usually
takes 0.3 ms, and a record that 500 filters of 17 tests refuse takes 4 ms."""
CPU_ONCE_S: Final = 1.0
FORGED_ENDPOINTS: Final = 50
HURTING: Final = tuple(HOSTILE.values())
FORGED: Final = (
    {"attempt": -100},
    {"attempt": 10**30},
    {"turn_at": "1" + "0" * 400},
    {"not_before": 10**30},
    {"trigger": "\xff"},
    {"diversions": "x"},
    {"origin_topic": "\x00" * 300},
)
STRAY: Final = (
    b"hello",
    b"",
    b"\x00\x00\x00\x00\x15hello",
    b"\x00" * 9 + b"hello",
    b"\xc3\x01" + b"\xff" * 40,
)

Ports = dict[str, int]
Sends = Callable[[int], Attack]


@dataclass(frozen=True)
class Scenario:
    """An action of A.

    Attributes:
        prepare: sets up A's endpoints; returns what A sends beside each event of V's.
        quick: played in every run of the tests; the others at night.
        in_vain: A must not get a single request.
    """

    prepare: Callable[[Worker, Ports], Sends]
    quick: bool = False
    in_vain: bool = False


def receivers(name: str, scheme: str = "http") -> Callable[[Worker, Ports], Sends]:
    """A's receivers all behave so; every fourth event is A's, and goes to all of them."""

    def prepare(worker: Worker, ports: Ports) -> Sends:
        urls = [f"{scheme}://127.0.0.1:{ports[name]}/{number}" for number in range(ENDPOINTS)]
        worker.endpoints_of_a(urls)
        return partial(now_and_then, 4)

    return prepare


def now_and_then(every: int, number: int) -> Attack:
    """Return an event of A's beside some of V's."""
    return () if number % every else (("events", event_of(OF_A_FROM + number, OF_A), ()),)


def costly_filters(worker: Worker, ports: Ports) -> Sends:
    """A's filters cost as much as they may, and its events hold long lists."""
    values = ",".join(map(str, range(200)))
    tests = ",".join(f'{{"field":"testimonial.tags","in":[{values}]}}' for _ in range(9))
    url = f"http://127.0.0.1:{ports['good']}/"
    worker.endpoints_of_a([url] * FILTERS, content_filter=f'{{"any":[{tests}]}}')
    made = example("testimonial.approved")
    assert isinstance(made, TestimonialApproved)
    testimonial = made.testimonial.model_copy(update={"tags": [""] * TAGS})
    long = encode(made.model_copy(update={"testimonial": testimonial}))
    long = long.replace(OF_V.encode(), OF_A.encode())
    return lambda number: (("events", long, ()),) if number % 50 == 0 else ()


def many_filters(worker: Worker, ports: Ports) -> Sends:
    """A has as many filters as a workspace may have, of the length that all may have together."""
    tests = ",".join(f'{{"field":"testimonial.text","starts_with":"{n:04}"}}' for n in range(17))
    url, content_filter = f"http://127.0.0.1:{ports['good']}/", f'{{"any":[{tests}]}}'
    most = ApiSettings()
    count = min(most.api_max_filters, most.api_max_filter_characters // len(content_filter))
    worker.endpoints_of_a([url] * count, content_filter=content_filter)
    return partial(now_and_then, 1)


def forged_endpoints(worker: Worker, ports: Ports) -> Sends:
    """Records in the endpoints topic make A's endpoints V's; half of them the worker knows."""
    private = EncryptedFields(f"http://127.0.0.1:{ports['good']}/", {}, [Secret(new_secret())])
    records = []
    for number in range(FORGED_ENDPOINTS):
        endpoint_id = str(UUID(int=0xA00 + number))
        sealed = seal(KEYS, endpoint_id, private)
        fields: dict[str, object] = {"key_id": sealed.key_id, "sealed": sealed.blob}
        genuine = decode_endpoint(endpoint_value(endpoint_id, OF_A, **fields))
        if number % 2:
            worker.table.apply(endpoint_id.encode(), bind(genuine, KEYS))
        records.append(
            (endpoint_id.encode(), forged(genuine, KEYS, workspace_id=OF_V, version=10**6))
        )

    def send(number: int) -> Attack:
        worker.table.apply(*records[number % len(records)])
        return ()

    return send


def costly_schemas(_: Worker, __: Ports) -> Sends:
    """A's records name schemas that take long to compile, or let few bytes be a million items."""
    body = encode(example(TYPE.name))[SINGLE_HEAD:] + long_bytes(1_000_000) + b"\0"
    values = [b"\xc3\x01hurts%03d" % number + body for number in range(STRAYS)]
    return lambda number: (("events", values[number], ()),) if number < STRAYS else ()


class Hurtful(AnySchema):
    """Knows the schemas that A's records name, too."""

    def by_fingerprint(self, name: bytes) -> str | None:
        """Return a schema."""
        if name.startswith(b"hurts"):
            return HURTING[int(name[5:]) % len(HURTING)]
        return super().by_fingerprint(name)


def hanging_names(worker: Worker, _: Ports) -> Sends:
    """The servers of A's names do not answer."""
    ids = worker.endpoints_of_a([f"http://hangs{number}.example/" for number in range(NAMES)])
    return lambda number: [
        record
        for each in range(4 * number, 4 * number + 4)
        for record in delivery(each, ids[each % NAMES])
    ]


def forged_headers(worker: Worker, ports: Ports) -> Sends:
    """Records in a deliveries topic have impossible headers, for an endpoint that fails."""
    [endpoint_id] = worker.endpoints_of_a([f"http://127.0.0.1:{ports['not HTTP']}/"])
    return lambda number: delivery(number, endpoint_id, **FORGED[number % len(FORGED)])


def delivery(number: int, endpoint_id: str, **headers: object) -> Attack:
    """Return a record in a deliveries topic."""
    value = event_of(OF_A_FROM + number, OF_A)
    return (("deliveries", value, to(endpoint_id, workspace_id=OF_A, **headers)),)


def strays(_: Worker, __: Ports) -> Sends:
    """Records that a worker can't read come before V's."""
    return lambda number: (("events", STRAY[number % len(STRAY)], ()),) if number < STRAYS else ()


SCENARIOS: Final = {
    "C1 an impossible year": Scenario(receivers("an impossible year"), quick=True),
    "C1 an impossible zone": Scenario(receivers("an impossible zone")),
    "C2 costly filters on long lists": Scenario(costly_filters, quick=True),
    "C2 as many filters as a workspace may have": Scenario(many_filters),
    "H2 names that hang": Scenario(hanging_names),
    "H3 records that can't be read": Scenario(strays, quick=True),
    "H4 forged records of endpoints": Scenario(forged_endpoints, in_vain=True),
    "low: forged delivery headers": Scenario(forged_headers),
    "M1 two answers to one request": Scenario(receivers("two answers")),
    "M2 schemas that are costly to read": Scenario(costly_schemas),
    "answers: folded headers": Scenario(receivers("folded headers")),
    "a byte a second": Scenario(receivers("a byte a second")),
    "a reset in an answer": Scenario(receivers("a reset")),
    "accepts and never reads": Scenario(receivers("accepts and never reads"), quick=True),
    "a TLS handshake that hangs": Scenario(receivers("accepts and never reads", "https")),
    "no TLS at all": Scenario(receivers("good", "https")),
    "huge headers": Scenario(receivers("huge headers")),
    "a body without end": Scenario(receivers("a body without end")),
    "a bomb of chunks": Scenario(receivers("a bomb of chunks")),
    "interim answers without end": Scenario(receivers("interim answers")),
    "redirects without end": Scenario(receivers("redirects without end")),
    "refusals for the pace": Scenario(receivers("refusals for the pace")),
    "not HTTP": Scenario(receivers("not HTTP")),
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """The ports of A's receivers, by what they do, and that of V's."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    folder = tmp_path_factory.mktemp("receivers")
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        of_a, of_v = (
            stack.enter_context(
                Child("attack.hostile_process", {"nice": nice}, cores, folder / name, environment)
            )
            # A's receivers are elsewhere: what they cost themselves must not slow this machine.
            for name, nice in (("a", 19), ("v", 0))
        )
        yield {**of_a.hear(), "v": of_v.hear()["good"]}


class Resolving:
    """Looks names up as slowly as their servers answer, until it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def __call__(self, host: str) -> tuple[IPAddress, ...] | str:
        """Return loopback; the names of A hang."""
        if host.startswith("hangs"):
            self.closed.wait(20)
            return f"{host}: timed out"
        time.sleep(0.002)
        return (ip_address("127.0.0.1"),)


async def play(ports: Ports, seconds: float, scenario: Scenario | None) -> Measured:
    """Let V's events come, with A or without."""
    look_up = Resolving()
    sender = engine(SystemResolver(look_up), age_s=0.0)
    worker = Worker(sender, f"http://v.example:{ports['v']}/", Hurtful())
    sends: Sends = (lambda _: ()) if scenario is None else scenario.prepare(worker, ports)
    with structlog.testing.capture_logs():
        try:
            return await worker.measure(seconds, sends)
        finally:
            look_up.closed.set()
            await sender.aclose()


@pytest.mark.parametrize("name", [name for name, each in SCENARIOS.items() if each.quick])
def test_the_victim_receives_everything_in_its_usual_time(name: str, ports: Ports) -> None:
    check(name, ports, QUICK_S)


@pytest.mark.nightly
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_victim_receives_everything_in_its_usual_time_for_longer(
    name: str, ports: Ports
) -> None:
    check(name, ports, NIGHTLY_S)


def check(name: str, ports: Ports, seconds: float) -> None:
    """Compare V's figures."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        alone = runner.run(play(ports, seconds, None))
        attacked = runner.run(play(ports, seconds, SCENARIOS[name]))
    ratio = attacked.took_s / alone.took_s
    print(f"{name}: {ratio:.3f} of the time; alone {alone}; with A {attacked}")
    assert attacked.complete, attacked
    assert not (SCENARIOS[name].in_vain and attacked.requests_of_a), "A got what is V's"
    more_withheld_s = max(0.0, attacked.withheld_s - alone.withheld_s)
    assert attacked.took_s <= BOUND * alone.took_s + NOISE_S + more_withheld_s
    allowed_s = CPU_ONCE_S + CPU_EACH_S * max(len(attacked.of_a), attacked.sent_by_a)
    assert attacked.cpu_s <= alone.cpu_s + allowed_s
