"""Installation of a day, which the command line sets up with its defaults."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from e2e.rig import PLAUDIT
from lab.day.plan import CREW
from lab.day.shape import Shape, Tenant
from lab.day.traffic import DayTraffic
from lab.publishing import Publishing
from lab.scenario import Behavior, Scenario, Traffic
from lab.stage import Place, Stage, Worker
from plaudit.dev.kafka import LocalKafka
from plaudit.endpoints.signing import new_secret

COMMAND_S: Final = 120.0
AT_ONCE: Final = 3
"""Files to apply at the same time, because a process takes most of a second to start."""
KAFKA_DEFAULTS: Final[Mapping[str, str]] = {
    "broker.session.timeout.ms": "9000",
    "broker.heartbeat.interval.ms": "2000",
    "group.initial.rebalance.delay.ms": "3000",
    "group.min.session.timeout.ms": "6000",
    "group.consumer.min.session.timeout.ms": "45000",
    "group.consumer.min.heartbeat.interval.ms": "5000",
    "offsets.topic.num.partitions": "50",
    "transaction.state.log.num.partitions": "50",
}
"""Kafka's own values of what the local broker sets so that tests are quick."""


class CommandFailed(Exception):
    """A command failed; the message contains its output."""


class DayStage(Stage):
    """A stage whose topics and endpoints the command line creates.

    Args:
        shape: of the day.
        place: brokers without topics.
        workers: deliver processes that are there from the start.
    """

    publishing: DayTraffic

    def __init__(self, shape: Shape, place: Place, workers: int) -> None:
        subscribers = tuple(
            each.subscriber(tenant.workspace)
            for tenant in shape.tenants
            for each in tenant.endpoints
        )
        crew = (CREW,) * workers
        super().__init__(Scenario("a day", Traffic(0, 1.0), subscribers, crew), place)
        self.shape = shape
        self._secrets = {each.name: new_secret() for each in subscribers}

    def register(self) -> None:
        """Create the topics, and all endpoints of all tenants."""
        assert isinstance(self.place.cluster, LocalKafka)
        single = ("--single-node",) if len(self.place.cluster.nodes) == 1 else ()
        self.command("topics", "apply", *single)
        for tenant in self.shape.tenants:
            for each in tenant.endpoints:
                self.subscribers.settle(each.name, each.kind.behavior, self._secrets[each.name])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._apply, self.shape.tenants))
        for line in self.command("endpoints", "list", "--json").splitlines():
            endpoint = json.loads(line)
            self.names[endpoint["id"]] = endpoint["name"]

    def publisher(self) -> Publishing:
        """Return the publisher of the day's events."""
        return DayTraffic(self.rig, self.shape)

    def command(self, *arguments: str, within_s: float = COMMAND_S) -> str:
        """Run `plaudit`; return its output.

        Raises:
            CommandFailed: the command failed.
        """
        done = subprocess.run(
            [PLAUDIT, *arguments],
            env=self.rig.environment,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            what = " ".join(arguments)
            raise CommandFailed(f"plaudit {what}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def behave(self, names: Iterable[str], behavior: Behavior) -> None:
        """Change how subscribers answer from now on."""
        for name in names:
            self.subscribers.settle(name, behavior, "")

    def _apply(self, tenant: Tenant) -> None:
        path = self.place.folder / f"{tenant.name}.json"
        entries: list[dict[str, Any]] = [
            {
                "name": each.name,
                "url": self.subscribers.url(each.name, each.host),
                "types": list(each.types),
                "secret": self._secrets[each.name],
            }
            for each in tenant.endpoints
        ]
        # JSON is YAML.
        path.write_text(json.dumps({"workspace": tenant.workspace, "endpoints": entries}))
        self.command("endpoints", "apply", str(path))


def living(stage: Stage) -> list[Worker]:
    """Return the running workers."""
    return [each for each in stage.workers if each.process.poll() is None]
