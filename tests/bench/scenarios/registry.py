"""Every scenario by name, in the order in which a full run takes them.

To add one, write a function from a Lab to a Finding, and name it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bench.figures import Finding
from bench.lab import Lab
from bench.scenarios.beside import beside
from bench.scenarios.bulk import import_file, relay
from bench.scenarios.isolation import dead, hanging
from bench.scenarios.kills import kills
from bench.scenarios.latency import latency
from bench.scenarios.limits import many, rate_limit
from bench.scenarios.peer import peer
from bench.scenarios.publishing import publish
from bench.scenarios.throughput import (
    hundred,
    ordinary_answers,
    slow_answers,
    throughput,
    tls,
    two_workers,
)
from bench.scenarios.tracing import tracing


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario.

    Attributes:
        summary: description in one line.
        measure: function that measures.
        seconds: estimated duration.
        quick_s: estimated duration in a quick run.
        quick: whether a quick run includes it by default.
    """

    summary: str
    measure: Callable[[Lab], Finding]
    seconds: float
    quick_s: float
    quick: bool = False


SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        "throughput": Scenario(
            "One worker, one endpoint, against the references.", throughput, 140, 28, quick=True
        ),
        "peer": Scenario("Beside Confluent's parallel-consumer (Vert.x).", peer, 240, 80),
        "hundred": Scenario("100 endpoints on an origin each.", hundred, 45, 10),
        "tls": Scenario("TLS endpoints against plain ones.", tls, 80, 16),
        "workers": Scenario("Two workers against one.", two_workers, 80, 16),
        "slow": Scenario("Answers that take 50 ms.", slow_answers, 45, 10),
        "ordinary": Scenario("1,000 endpoints that answer after 100 ms.", ordinary_answers, 60, 20),
        "hanging": Scenario("1 % of the records hang.", hanging, 110, 25, quick=True),
        "beside": Scenario(
            "1,500 and 15,000 of another tenant's requests hang, drip, are reset.", beside, 600, 150
        ),
        "kills": Scenario("Two workers killed at once on a backlog.", kills, 150, 60),
        "dead": Scenario("One of 100 endpoints is dead.", dead, 230, 45),
        "many": Scenario("10,000 endpoints on an origin each.", many, 110, 60),
        "rate-limit": Scenario("Five requests a second from four workers.", rate_limit, 75, 22),
        "latency": Scenario("From due to arrival at fixed rates.", latency, 65, 16, quick=True),
        "tracing": Scenario("Tracing off, and 1 % sampled, against no SDK.", tracing, 140, 30),
        "publish": Scenario("What publishing costs.", publish, 30, 6, quick=True),
        "relay": Scenario("What relaying an outbox costs.", relay, 30, 8),
        "import": Scenario("What importing a file costs.", import_file, 45, 12),
    }
)
