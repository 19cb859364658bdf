"""`plaudit serve` between A, who is hostile, and V, who is ordinary."""

from __future__ import annotations

import json
import os
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from bench.children import Child
from e2e.rig import Rig, free_port, ready
from e2e.sink import Sink, good
from plaudit.store.access.api_keys import KeyService, Scope
from plaudit.store.db.database import open_database
from waiting import until_equal

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

MIB = 2**20
ROUNDS, EACH = 4, 40
BOUND = 1.5
PAUSE_S = 0.03
"""Between V's requests: it is far below the limit of its workspace."""
IN_ALL = 1.1
NOISE_S = 1.0
"""What a busy machine may add to V's time in all."""
KEY_ROUTES = ("/v1/endpoints", "/v1/keys", "/v1/events", "/v1/deliveries/retry")
BEGINNING = "POST /v1/endpoints HTTP/1.1\r\nhost: x\r\n"


@dataclass(frozen=True)
class Serving:
    """A server process, and the keys of two workspaces.

    Attributes:
        pid: of the process.
        port: where it listens.
        metrics_port: where its metrics are.
        hostile: A's header.
        ordinary: V's header.
    """

    pid: int
    port: int
    metrics_port: int
    hostile: dict[str, str]
    ordinary: dict[str, str]

    @property
    def base(self) -> str:
        """The port of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def health(self) -> str:
        """The port of its metrics and of its health."""
        return f"http://127.0.0.1:{self.metrics_port}"

    def rss(self) -> int:
        """Return the bytes that the process has in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) * 1_024

    def median_s(self, count: int = 30) -> float:
        """Return how long V's requests take."""
        return statistics.median(self.took_s(count))

    def took_s(self, count: int, *, health: bool = False) -> list[float]:
        """Return how long each of V's requests took; or those of an orchestrator."""
        took = []
        base, path = (self.health, "/healthz") if health else (self.base, "/v1/endpoints")
        with httpx.Client(base_url=base, headers=self.ordinary, timeout=30) as client:
            for _ in range(count):
                began = time.perf_counter()
                assert client.get(path).status_code == 200
                took.append(time.perf_counter() - began)
                time.sleep(PAUSE_S)
        return took


@pytest.fixture
def serving(rig: Rig) -> Serving:
    """A server."""
    engine = open_database(rig.database)
    keys = KeyService(engine)
    of_a = keys.create(Scope.WORKSPACE, "00000000-0000-4000-8000-00000000000a", "A")[1]
    of_v = keys.create(Scope.WORKSPACE, rig.workspace, "V")[1]
    engine.dispose()
    port, metrics_port = free_port(), free_port()
    process = rig.process(
        "serve",
        PLAUDIT_API_PORT=str(port),
        PLAUDIT_API_HEAD_TIMEOUT="2",
        PLAUDIT_METRICS_PORT=str(metrics_port),
        PLAUDIT_METRICS_HOST="127.0.0.1",
    )
    until_equal(lambda: ready(f"http://127.0.0.1:{port}"), 200)
    bearer = "Bearer {}".format
    return Serving(
        process.pid,
        port,
        metrics_port,
        {"authorization": bearer(of_a)},
        {"authorization": bearer(of_v)},
    )


@contextmanager
def under(attack: Callable[[], None]) -> Iterator[None]:
    """Repeat an attack in a thread for as long as the block runs."""
    stopping = threading.Event()

    def repeat() -> None:
        while not stopping.is_set():
            attack()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(60)


def bodies(serving: Serving, megabytes: int, headers: dict[str, str], size: int = 20) -> set[int]:
    """Send bad JSON; return the statuses of the answers."""
    body = b'[{"a": "' + b"x" * (size * MIB)
    statuses = set()
    with httpx.Client(base_url=serving.base, headers=headers, timeout=60) as client:
        for number in range(megabytes // size):
            path = KEY_ROUTES[number % len(KEY_ROUTES)]
            kind = {"content-type": "application/json"}
            statuses.add(client.post(path, content=body, headers=kind).status_code)
    return statuses


def half_requests(serving: Serving, count: int) -> float:
    """Begin requests and send no more; return how long it takes until all are closed."""
    began = time.monotonic()
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", serving.port), timeout=30)
            )
            client.sendall(b"POST /v1/endpoints HTTP/1.1\r\nhost: x\r\n")
            made.append(client)
        for client in made:
            try:
                while client.recv(4_096):
                    pass
            except ConnectionError:
                pass
    return time.monotonic() - began


def check_memory(serving: Serving, megabytes: int) -> None:
    """Check that bodies that are refused do not stay in memory."""
    before = serving.rss()
    assert bodies(serving, megabytes, {}) == {401}
    without_key = serving.rss()
    print(f"{megabytes} MB without a key: RSS {before / MIB:.0f} -> {without_key / MIB:.0f} MiB")
    assert without_key - before < 50 * MIB
    assert bodies(serving, megabytes, serving.hostile) == {413}
    # One megabyte each is read and parsed, and refused as the framework refuses.
    assert bodies(serving, min(megabytes, 90), serving.hostile, 1) <= {413, 422, 400, 429}
    with_key = serving.rss()
    print(f"the same with a key: RSS {without_key / MIB:.0f} -> {with_key / MIB:.0f} MiB")
    assert with_key - without_key < 50 * MIB


def test_bodies_are_neither_read_without_a_key_nor_kept(serving: Serving) -> None:
    check_memory(serving, 80)


def test_half_requests_are_closed_and_ordinary_requests_are_served(serving: Serving) -> None:
    alone = serving.median_s()
    halves: list[float] = []
    with under(lambda: halves.append(half_requests(serving, 100))):
        attacked = serving.median_s()
    print(f"V's median: {alone * 1_000:.1f} ms alone, {attacked * 1_000:.1f} ms under attack")
    assert attacked < alone * 5 + 0.1


def endpoint_of_a(serving: Serving, url: str) -> str:
    """Register an endpoint of A; return where test sends are asked for."""
    answer = httpx.post(
        f"{serving.base}/v1/endpoints", json={"url": url}, headers=serving.hostile, timeout=30
    )
    return f"{serving.base}{answer.headers['location']}/test"


@pytest.mark.nightly
def test_test_sends_and_probes_do_not_slow_others(
    serving: Serving, sink: Sink, tmp_path: Path
) -> None:
    path = endpoint_of_a(serving, sink.on("a", good)).removeprefix(serving.base)
    flood = {
        "port": serving.port,
        "requests": [["POST", path, "{}"], ["GET", "/readyz", ""]],
        "headers": [{**serving.hostile, "content-type": "application/json"}],
    }
    cores = sorted(os.sched_getaffinity(0))
    alone: list[float] = []
    attacked: list[float] = []
    answers: Counter[str] = Counter()
    for number in range(ROUNDS):
        # In turns, so that what else the machine does meets both.
        alone += serving.took_s(EACH)
        with Child("attack.flood_process", flood, cores, tmp_path / str(number)) as child:
            child.hear()
            attacked += serving.took_s(EACH)
            answers.update(child.ask("stop"))
    ratio = statistics.median(attacked) / statistics.median(alone)
    print(f"V's median: {statistics.median(alone) * 1_000:.1f} ms alone, {ratio:.2f} times that")
    print(f"A's answers: {dict(answers)}")
    assert answers.keys() <= {"200", "429"}
    assert answers["429"], "A sends more than it may"
    assert len(sink.ids("a")) <= 75, "a minute's worth, and one more a second"
    assert ratio <= BOUND


def keys_of_a(serving: Serving) -> list[dict[str, str]]:
    """Let A make keys; return their headers."""
    with httpx.Client(base_url=serving.base, headers=serving.hostile, timeout=30) as client:
        made = [client.post("/v1/keys", json={"name": str(number)}) for number in range(10)]
    return [{"authorization": f"Bearer {each.json()['key']}"} for each in made]


def posts(body: str, times: int, *headers: dict[str, str]) -> dict[str, Any]:
    """Return a flood of such bodies."""
    json_of = [{**each, "content-type": "application/json"} for each in headers]
    return {"requests": [["POST", each, body] for each in KEY_ROUTES], "headers": json_of} | {
        "times": times
    }


API_ATTACKS: Final[dict[str, Callable[[Serving], dict[str, Any]]]] = {
    "H1 bodies without a key": lambda _: posts("x" * 1_000, 1_000, {}),
    "H1 bodies that are refused": lambda serving: posts("[", 500_000, serving.hostile),
    "H1 headers without end": lambda _: {"way": "pour", "head": BEGINNING, "piece": "x: y\r\n"},
    "H1 a body that comes without end": lambda _: {
        "way": "pour",
        "head": f"{BEGINNING}transfer-encoding: chunked\r\n\r\n",
        "piece": "1\r\nx\r\n",
    },
    "H1 half requests": lambda _: {"way": "hold", "head": BEGINNING, "connections": 300},
    "M4 silent connections to the health port": lambda serving: {
        "way": "hold", "head": "", "connections": 100, "port": serving.metrics_port,
    },
    "M5 more keys": lambda serving: {
        "requests": [["GET", "/v1/endpoints", ""]], "headers": keys_of_a(serving),
    },
}  # fmt: skip


@pytest.mark.nightly
@pytest.mark.parametrize("name", API_ATTACKS)
def test_the_victim_is_answered_in_its_usual_time(
    serving: Serving, name: str, tmp_path: Path
) -> None:
    flood = {"port": serving.port, **API_ATTACKS[name](serving)}
    health = flood["port"] == serving.metrics_port
    cores = sorted(os.sched_getaffinity(0))
    alone, attacked, answers = 0.0, 0.0, Counter[str]()
    for number in range(ROUNDS):
        # In turns, so that what else the machine does meets both.
        alone += sum(serving.took_s(EACH, health=health)) + EACH * PAUSE_S
        with Child("attack.flood_process", flood, cores, tmp_path / str(number)) as child:
            child.hear()
            attacked += sum(serving.took_s(EACH, health=health)) + EACH * PAUSE_S
            answers.update(child.ask("stop"))
    count = ROUNDS * EACH
    print(f"{name}: V's {count} in {alone:.2f} s alone, {attacked / alone:.3f} times that with A")
    print(f"A's answers: {dict(answers)}")
    assert answers, "A did nothing"
    assert not any(status.startswith(("2", "5")) for status in answers) or "keys" in name
    assert attacked <= IN_ALL * alone + NOISE_S


def test_metrics_are_not_on_the_port_that_is_published(serving: Serving) -> None:
    assert httpx.get(f"{serving.base}/metrics").status_code == 404
    port = f"http://127.0.0.1:{serving.metrics_port}"
    found = httpx.get(f"{port}/metrics")
    assert 'plaudit_api_request_duration_seconds_count{method="GET",route="none"' in found.text
    assert "process_resident_memory_bytes" in found.text
    assert httpx.head(f"{port}/metrics").status_code == 200
    assert httpx.get(f"{port}/readyz").json() == {"ok": True, "problems": []}


def test_more_keys_allow_no_more_requests(serving: Serving) -> None:
    made = keys_of_a(serving)
    with httpx.Client(base_url=serving.base, timeout=30) as client:
        began, passed = time.monotonic(), 0
        while time.monotonic() - began < 2:
            for key in made:
                passed += client.get("/v1/event-types", headers=key).status_code == 200
        took = time.monotonic() - began
        refused = client.get("/v1/event-types", headers=made[0])
        assert passed <= 50 * (took + 2) + 10, "50 a second, and two seconds' worth at once"
        if refused.status_code == 429:
            assert "PLAUDIT_API_RATE_LIMIT" in json.loads(refused.text)["detail"]
        assert client.get("/v1/event-types", headers=serving.ordinary).status_code == 200


@pytest.mark.nightly
def test_four_hundred_megabytes_of_bad_json_and_three_thousand_half_requests(
    serving: Serving,
) -> None:
    check_memory(serving, 400)
    before = serving.rss()
    took_s = half_requests(serving, 3_000)
    after = serving.rss()
    print(f"3,000 half requests: closed after {took_s:.1f} s, RSS {after / MIB:.0f} MiB")
    assert took_s < 30
    assert after - before < 100 * MIB
