"""The tools of every scenario: Kafka, cores, a folder, and trials made from them."""

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
        quick: about a minute for all; less is measured, and less exactly.
        events: that wait when a worker starts.
        repetitions: of what is compared.
        seconds: that one repetition is measured for, at most.
        most_foreign: share of a worker's core that others may use before a run is void.
    """

    quick: bool = False
    events: int = 60_000
    repetitions: int = 3
    seconds: float = 6.0
    most_foreign: float = MOST_FOREIGN


QUICK: Final = Effort(quick=True, events=10_000, repetitions=2, seconds=2.0)
FULL: Final = Effort()


class Lab:
    """Makes trials.

    Args:
        kafka: where Kafka is; the prefix is each trial's own.
        available: cores.
        effort: how much is done.
        folder: for logs and certificates.
        tell: says what is being done.
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
            sites: makes the endpoints, once the sink's ports are known.
            workers: how many will run at once, to give each a core.
            record: whether the sink keeps every arrival.
            tls: whether it also listens for TLS.
            schedule: of retries.
            tiers: more topics with delays.
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
