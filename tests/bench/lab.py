"""Resources of every scenario: Kafka, cores, a folder, and trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.certificate import write_certificate
from bench.children import Sink
from bench.honesty import MOST_FOREIGN
from bench.installation import Site, Tell, install
from bench.machine import allot
from bench.trial import Trial
from plaudit.kafka.settings import KafkaSettings

SHORT_SCHEDULE: Final = "5s"
"""Few tiers: topics are made for every trial."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The size of a run.

    Attributes:
        quick: whether to take about a minute, with fewer and less exact figures.
        events: size of the backlog when a worker starts.
        repetitions: number of repetitions of a comparison.
        seconds: maximum duration of a repetition.
        most_foreign: share of a worker's core for other processes beyond which a run is void.
    """

    quick: bool = False
    events: int = 60_000
    repetitions: int = 3
    seconds: float = 6.0
    most_foreign: float = MOST_FOREIGN


QUICK: Final = Effort(quick=True, events=10_000, repetitions=2, seconds=2.0)
FULL: Final = Effort()


class Lab:
    """Creates trials.

    Args:
        kafka: connection to Kafka; each trial has its own prefix.
        available: available cores.
        effort: size of the run.
        folder: folder for logs and certificates.
        tell: reports progress.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        available: Sequence[int],
        effort: Effort,
        folder: Path,
        tell: Tell,
    ) -> None:
        self.effort = effort
        self.tell = tell
        self._kafka = kafka
        self._available = available
        self._folder = folder
        self._trials = 0

    @contextmanager
    def trial(
        self,
        sites: Callable[[Sink], Sequence[Site]],
        *,
        workers: int = 1,
        record: bool = False,
        tls: bool = False,
        schedule: str = SHORT_SCHEDULE,
        tiers: str | None = None,
    ) -> Iterator[Trial]:
        """Open a sink and an installation with endpoints there; nothing of them is left.

        Args:
            sites: creates the endpoints from the sink's ports.
            workers: number of concurrent workers, each of which gets a core.
            record: whether the sink keeps every arrival.
            tls: whether the sink also listens for TLS.
            schedule: retry schedule.
            tiers: further delays with topics.
        """
        self._trials += 1
        folder = self._folder / f"trial-{self._trials}"
        folder.mkdir()
        chain = write_certificate(folder) if tls else None
        cores = allot(self._available, workers)
        update: Mapping[str, object] = {"retry_schedule": schedule, "retry_tiers": tiers}
        kafka = self._kafka.model_copy(update=update)
        with Sink(cores.rest, folder, record=record, chain=chain) as sink:
            self.tell("making topics and endpoints")
            with install(kafka, sites(sink)) as installation:
                environment = {} if chain is None else {"SSL_CERT_FILE": str(chain)}
                installation.environment.update(environment)
                yield Trial(installation, sink, cores, folder, self.effort.most_foreign, self.tell)
