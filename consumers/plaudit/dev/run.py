"""Command `plaudit dev`: the whole pipeline on this machine, with a live view."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from plaudit.dev.console import ConsoleProcesses
from plaudit.dev.counts import EndpointTally, RunVerdict, judge
from plaudit.dev.installation import Installation, dev_settings, install, remove_from
from plaudit.dev.kafka import find_kafka
from plaudit.dev.processes import Workers
from plaudit.dev.subscribers import NAMES, ReceivedRequests, Subscribers
from plaudit.dev.traffic import stream
from plaudit.dev.view import Snapshot, TallyRow, open_view, say
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.read.lag import LagReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack
from plaudit.publish import Publisher
from plaudit.records.attempt import decode_attempt, single_object

LOOK_S: Final = 0.25
LAG_EVERY_S: Final = 1.0
STUCK_AFTER_S: Final = 60.0
SETTLE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a development run.

    Attributes:
        bootstrap: an existing cluster; None: find or start one.
        events: number of events to publish and check; None: run until stopped.
        rate: events per second; 0: as fast as the brokers accept them.
        workers: number of workers.
    """

    bootstrap: str | None
    events: int | None
    rate: float
    workers: int


@dataclass
class RunState:
    """Observations so far. Followers and the publisher write them, and the view reads them."""

    names: Mapping[str, str]
    tallies: dict[str, EndpointTally] = field(
        default_factory=lambda: {name: EndpointTally() for name in NAMES}
    )
    dead_letters: set[str] = field(default_factory=set)
    published: int = 0
    failed: str | None = None
    began_at: float = field(default_factory=time.monotonic)
    lag: int | None = None

    def attempt(self, key: bytes, value: bytes | None) -> None:
        """Count an attempt record."""
        name = self.names.get(key.decode())
        if name is not None and value is not None:
            self.tallies[name].take(decode_attempt(single_object(value, {})))

    def dead_letter(self, key: bytes, value: bytes | None) -> None:
        """Add a dead letter, by the id of its delivery; a tombstone removes it."""
        if value is None:
            self.dead_letters.discard(key.decode())
        else:
            self.dead_letters.add(key.decode())

    def verdict(self, events: int, received: Mapping[str, ReceivedRequests]) -> RunVerdict:
        """Return the verdict on the observations so far."""
        dead = {name: len(fate.dead & self.dead_letters) for name, fate in self.tallies.items()}
        return judge(events, self.published, self.tallies, received, dead)

    def acknowledged(self, future: Future[Ack]) -> None:
        """Count the result of publishing an event."""
        error = future.exception()
        if error is None:
            self.published += 1
        else:
            self.failed = str(error)


def run(options: Options) -> int:
    """Run until stopped, or until a fixed number of events is final; return the exit code.

    Raises:
        KafkaNotFound: Kafka was not found, and could not be started.
        KafkaFailure: the brokers are unavailable or refuse.
        WorkerDied: a worker ended unexpectedly.
    """
    stop = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(_stopping(stop))
        say("looking for Kafka …")
        kafka = stack.enter_context(find_kafka(options.bootstrap, announce=say))
        settings = dev_settings(kafka.bootstrap, shared=options.bootstrap is not None)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plaudit-dev-")))
        subscribers = stack.enter_context(Subscribers())
        if options.bootstrap is not None:
            stack.callback(remove_from, settings)
        installation = stack.enter_context(install(settings, subscribers, folder))
        workers = stack.enter_context(Workers(options.workers, installation.environment, folder))
        state = RunState({value: name for name, value in installation.endpoints.items()})
        stack.enter_context(_following(installation, state))
        say(f"topics {settings.topic_prefix}*, {options.workers} worker(s), three subscribers")
        if options.events is None:
            _open_console(stack, installation, folder)
        verdict = _watch(options, installation, subscribers, workers, state, stop)
    return _conclude(options, verdict, state)


def _open_console(stack: ExitStack, installation: Installation, folder: Path) -> None:
    """Start the console, and print its address."""
    console = stack.enter_context(ConsoleProcesses(installation.environment, folder))
    if console.wait():
        say(f"console, signed in once: {console.sign_in_url(installation.sign_in_token)}")
    else:
        say(f"the console did not start; see {folder}/serve.log")


def _watch(
    options: Options,
    installation: Installation,
    subscribers: Subscribers,
    workers: Workers,
    state: RunState,
    stop: threading.Event,
) -> RunVerdict:
    """Publish, and show the progress until the run ends."""
    publishing = threading.Thread(
        target=_publish, args=(options, installation, state, stop), name="traffic", daemon=True
    )
    publishing.start()
    moved_at, before = time.monotonic(), (-1, -1)
    with open_view() as view:
        while True:
            workers.check()
            view.show(_snapshot(options, subscribers, state))
            verdict = state.verdict(options.events or 0, subscribers.received)
            over = options.events is not None and verdict.final and not _settling(verdict, moved_at)
            now = (state.published, sum(fate.attempts for fate in state.tallies.values()))
            if now != before:
                moved_at, before = time.monotonic(), now
            stuck = options.events is not None and time.monotonic() - moved_at > STUCK_AFTER_S
            if over or stuck or state.failed or stop.wait(LOOK_S):
                break
    stop.set()
    publishing.join()
    return verdict


def _settling(verdict: RunVerdict, moved_at: float) -> bool:
    """Return whether the observations may still be incomplete: followers lag by a moment."""
    return bool(verdict.wrong) and time.monotonic() - moved_at < SETTLE_S


def _publish(
    options: Options, installation: Installation, state: RunState, stop: threading.Event
) -> None:
    """Publish the traffic, once every endpoint is served."""
    if stop.wait(max(0.0, installation.active_from_ms / 1_000 - time.time())):
        return
    state.began_at = time.monotonic()
    try:
        with Publisher(installation.settings, source="/plaudit/dev") as publisher:
            for number, event in enumerate(stream(installation.workspace_id)):
                if number == options.events or stop.is_set():
                    return
                publisher.publish(event).add_done_callback(state.acknowledged)
                if options.rate:
                    due_s = state.began_at + (number + 1) / options.rate - time.monotonic()
                    stop.wait(max(0.0, due_s))
    except KafkaFailure as failure:
        state.failed = str(failure)


@contextmanager
def _following(installation: Installation, state: RunState) -> Iterator[None]:
    """Follow the attempts, the dead letters and the lag."""
    settings, names = installation.settings, installation.settings.names
    stop = threading.Event()
    looking = threading.Thread(target=_look, args=(settings, state, stop), name="lag", daemon=True)
    with (
        CompactedTopic(settings, names.attempts, state.attempt),
        CompactedTopic(settings, names.dlq_deliveries, state.dead_letter),
    ):
        looking.start()
        try:
            yield
        finally:
            stop.set()
            looking.join()


def _look(settings: KafkaSettings, state: RunState, stop: threading.Event) -> None:
    """Measure the lag of both groups periodically."""
    names = settings.names
    tiers = [names.deliveries(tier) for tier in settings.tiers]
    groups = {
        names.events_group: names.event_topics,
        names.deliveries_group: (names.deliveries_now, *tiers),
    }
    readers = {group: LagReader(settings, group) for group in groups}
    while not stop.wait(LAG_EVERY_S):
        try:
            lags = [each for group, of in groups.items() for each in readers[group].read(of)]
            state.lag = sum(each.behind for each in lags)
        except KafkaFailure:
            state.lag = None
    for reader in readers.values():
        reader.close()


def _snapshot(options: Options, subscribers: Subscribers, state: RunState) -> Snapshot:
    rows = [
        TallyRow(
            name,
            len(fate.delivered),
            len(fate.retrying - fate.delivered - fate.dead),
            len(fate.dead),
            fate.attempts,
            subscribers.received[name].doubled,
        )
        for name, fate in state.tallies.items()
    ]
    elapsed_s = time.monotonic() - state.began_at
    return Snapshot(elapsed_s, state.published, options.events, state.lag, rows)


def _conclude(options: Options, verdict: RunVerdict, state: RunState) -> int:
    """Print the result; return the exit code."""
    if state.failed is not None:
        say(f"plaudit dev: publishing failed: {state.failed}")
        return 1
    if options.events is None:
        delivered = sum(len(fate.delivered) for fate in state.tallies.values())
        say(f"stopped: {state.published} events published, {delivered} deliveries made")
        return 0
    if verdict.final and not verdict.wrong:
        say(f"all {options.events} events: delivered to good and flaky, dead letters for broken")
        return 0
    state_of_it = "" if verdict.final else "some deliveries are not final; "
    say(f"plaudit dev: {state_of_it}{'; '.join(verdict.wrong)}")
    return 1


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Shut down gracefully on Ctrl-C, SIGTERM and the end of the terminal."""
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
