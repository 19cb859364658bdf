"""Worker: one `plaudit deliver` process, with its lanes and what they share.

This module assembles the modules that docs/architecture.md describes, on an event's way from Kafka
to the endpoint and back to the commit.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Collection, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from enum import StrEnum
from functools import partial
from typing import Final

from plaudit.deliver.clock_probe import learn_time
from plaudit.deliver.health_exchange import HealthExchange
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import RetryPlan
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.offsets.consumer_thread import ConsumerThread
from plaudit.deliver.offsets.lane_sink import LaneCallbacks, LaneSink
from plaudit.deliver.offsets.source_config import SourceConfig, group_of
from plaudit.deliver.pipeline.attempt import Attempter
from plaudit.deliver.pipeline.context import LaneContext, PipelineContext
from plaudit.deliver.pipeline.lanes import DELIVERIES, EVENTS
from plaudit.deliver.pipeline.pipeline import Pipeline
from plaudit.deliver.pipeline.unblocking import follow_unblock_marks
from plaudit.deliver.pipeline.upkeep import divert_rest, evict_hanging, leave
from plaudit.deliver.preflight import LaneTopics
from plaudit.deliver.running_lane import MOST_DELIVERIES, RunningLane
from plaudit.deliver.settings import DeliverSettings, IsolationSettings
from plaudit.deliver.settle.settler import Settler
from plaudit.deliver.settle.silence import STALLED_AFTER_S
from plaudit.deliver.stranded import MARGIN_S, StrandedWatch
from plaudit.deliver.telemetry.attempt_log import AttemptLogger
from plaudit.deliver.telemetry.delivery_spans import DeliverySpans
from plaudit.endpoints.follower import EndpointsFollower
from plaudit.endpoints.table import EndpointTable
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.read.marks import Marks
from plaudit.kafka.read.topic_watch import topic_describer
from plaudit.kafka.schemas.lookup import SchemaLookup
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.logs.logger import event_logger
from plaudit.runtime.process_name import process_name
from plaudit.tracing.writer import Tracing
from plaudit.transport.sender import Sender

_log = event_logger(__name__)


class LaneName(StrEnum):
    """Names of the lanes, each of which is a consumer group."""

    EVENTS = "events"
    DELIVERIES = "deliveries"


SETTLE_LINGER_MS: Final = 20
"""Time for which writes wait for a fuller batch. Nothing depends on it: a retry is due seconds
later. A kill repeats what waits here. Fewer batches cost less on both sides."""
SESSION_BY_BROKER: Final = (
    "PLAUDIT_KAFKA_GROUP_PROTOCOL=consumer: the brokers' group.consumer.session.timeout.ms decides "
    "how soon others get the partitions of a killed worker"
)
TABLE_STALE_AFTER_S: Final = 2.0
TABLE_WAIT_S: Final = 0.5
TICK_S: Final = 0.5
REST_TICK_S: Final = 1.0
"""The same while no lane has records in hand."""
LATENESS_FADES: Final = 0.8
WATCH_EVERY_S: Final = 2.0
WEDGED_AFTER_S: Final = 30.0
EXIT_WEDGED: Final = 70
CLOSE_S: Final = 25.0


class Worker:
    """One deliver process; created and run in the event loop.

    Args:
        kafka: connection and names.
        settings: settings of delivery.
        sender: the HTTP client; the caller closes it.
        tracing: writer and sampling of spans; the caller closes it. None: tracing is off.

    Attributes:
        lanes: running lanes.
        ticked_at: when the event loop last made progress, monotonic seconds.
        late_s: lateness of the event loop.
        exchange: exchange of findings with other workers; None: the settings turn it off.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        settings: DeliverSettings,
        sender: Sender,
        tracing: Tracing | None = None,
    ) -> None:
        self._kafka = kafka
        self._past_end = settings.reading.position_past_end
        self._describe = topic_describer(kafka)
        self._patience_s = MARGIN_S + 2 * settings.http.total_timeout
        self._failure: Exception | None = None
        self._silent = False
        self._stop = asyncio.Event()
        self.lanes: list[RunningLane] = []
        self.ticked_at = time.monotonic()
        self.late_s = 0.0
        seal = settings.seal
        self.table = EndpointTable(seal.keys, require_bound=seal.require_bound_endpoints)
        self.follower = EndpointsFollower(kafka, self.table)
        self.schemas = SchemaLookup(kafka)
        self._marks = Marks(kafka, kafka.names.unblock_group)
        name = process_name()
        # The event loop polls it, because a second busy thread would compete for the interpreter at
        # every report.
        config = ProducerConfig(linger_ms=SETTLE_LINGER_MS, has_thread=False)
        self.producer = Producer(kafka, config)
        self.clock = BrokerClock()
        self.settler = Settler(self.producer, kafka.names, name, self.clock)
        isolation = settings.isolation
        health_registry = HealthRegistry()
        self.exchange: HealthExchange | None = None
        if isolation.share_health:
            self.exchange = HealthExchange(kafka, self.producer, health_registry, self.clock)
        self._shared = PipelineContext(
            Attempter(sender, self.settler.defects),
            self.settler,
            AttemptLogger(settings.observability.log_attempts, name),
            RetryPlan(kafka.schedule, kafka.tiers),
            _limits(isolation),
            self.table,
            lambda: self.table_is_current,
            self.schemas,
            flood_share=isolation.flood_share,
            schema_wait_s=settings.reading.schema_wait,
            health_registry=health_registry,
            spans=tracing and DeliverySpans(tracing, self.settler.defects, self.settler.now_ms),
        )

    def stop(self) -> None:
        """Finish the deliveries in flight, commit and end."""
        self._stop.set()

    async def run(self, topics: LaneTopics, lanes: Collection[LaneName]) -> None:
        """Deliver until `stop`.

        Raises:
            Exception: ended a consumer thread or the producer.
        """
        self.settler.defects.watch(asyncio.get_running_loop())
        # In shutdown order, last first: lanes, repetition of failed writes, producer, tables.
        async with AsyncExitStack() as stack:
            stack.callback(self.schemas.close)
            stack.callback(self._marks.close)
            stack.callback(self.follower.close)
            if self.exchange is not None:
                stack.callback(self.exchange.close)
                self.exchange.start()
            stack.callback(self.producer.close)
            self.schemas.start()
            self.follower.start()
            unblocking = follow_unblock_marks(self._marks, self.lanes)
            work = (self.settler.run(), self.settler.serve(), self._tick(), unblocking)
            tasks = [self._spawn(each) for each in work]
            stack.push_async_callback(_cancel, tasks)
            await learn_time(self.producer, self._kafka.names.dlq_deliveries, self.clock)
            if await self._table_is_read():
                stack.push_async_callback(self._close_lanes)
                self._open_lanes(topics, lanes)
                await self._stop.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def table_is_current(self) -> bool:
        """Whether the table of endpoints was complete at most 2 s ago."""
        as_of = self.follower.current_as_of
        return as_of is not None and time.monotonic() - as_of < TABLE_STALE_AFTER_S

    async def _table_is_read(self) -> bool:
        """Wait until the table of endpoints is read to its end; return False after `stop`."""
        while not self._stop.is_set():
            if await asyncio.to_thread(self.follower.wait_ready, TABLE_WAIT_S):
                self.table.complete()
                return True
        return False

    def _open_lanes(self, topics: LaneTopics, lanes: Collection[LaneName]) -> None:
        names = self._kafka.names
        if self._kafka.groups_by_broker:
            # Our default is 6 s; the brokers' default for such groups is 45 s.
            _log.warning("worker.session_by_broker", extra={"reason": SESSION_BY_BROKER})
        if LaneName.EVENTS in lanes:
            self._open(LaneName.EVENTS, names.events_group, topics.events)
        if LaneName.DELIVERIES in lanes:
            self._open(LaneName.DELIVERIES, names.deliveries_group, topics.deliveries)

    def _open(self, name: LaneName, group: str, topics: Mapping[str, int]) -> None:
        context = LaneContext(self._shared)
        pipeline = Pipeline(context, EVENTS if name is LaneName.EVENTS else DELIVERIES)
        loop = asyncio.get_running_loop()
        lane = LoopBridge(name, pipeline, context.gate, loop, self.clock, self._shared.pulse)
        callbacks = LaneCallbacks(
            lane,
            context.gate,
            lambda: self._has_room(pipeline),
            partial(leave, pipeline),
            partial(divert_rest, pipeline),
            partial(evict_hanging, pipeline),
            self._fail,
        )
        config = SourceConfig(
            group_of(group, topics),
            topics,
            past_end=self._past_end,
            describe=self._describe,
        )
        source = ConsumerThread(self._kafka, config, LaneSink(callbacks, loop), self.clock)

        def held() -> Iterator[Record]:
            yield from lane.records
            yield from pipeline.wide_events.records
            yield from (each.record for each in pipeline.admission.queues.deliveries)
            yield from self.settler.records
            yield from tuple(source.done)

        watch = StrandedWatch(lane, held, self.settler.defects, self._patience_s)
        self.lanes.append(RunningLane(lane, source, pipeline, watch, self.clock))
        source.start()

    def _has_room(self, pipeline: Pipeline) -> bool:
        admission = pipeline.admission
        return (
            admission.in_hand < MOST_DELIVERIES
            and not admission.gate.shut
            and not self.settler.backlog
        )

    async def _close_lanes(self) -> None:
        """Let the consumer threads finish and commit, while the event loop continues."""
        for each in self.lanes:
            each.source.stop()
        deadline = time.monotonic() + CLOSE_S
        for each in self.lanes:
            left_s = max(0.0, deadline - time.monotonic())
            if not await asyncio.to_thread(each.source.join, left_s):
                _log.error("source.close_timed_out", extra={"lane": each.lane.name})
            each.close()

    async def _tick(self) -> None:
        """Report progress of the event loop to the watchdog, and run the periodic tasks."""
        watch = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        watch.start()
        every_s = TICK_S
        while True:
            late_s = max(0.0, time.monotonic() - self.ticked_at - every_s)
            self.ticked_at = time.monotonic()
            # It rises at once and falls slowly, because attempts begun during the delay are in
            # flight now.
            self.late_s = max(late_s, self.late_s * LATENESS_FADES)
            self._shared.pulse.late_s = self.late_s
            self._pause_without_brokers()
            for tick in (self._share_health, *(each.tick for each in self.lanes)):
                try:
                    tick()
                except Exception as error:  # noqa: BLE001 - the next tick comes soon
                    self.settler.defects.note(Stage.LOOK, error)
            if self.producer.fatal is not None:
                self._fail(self.producer.fatal)
            every_s = TICK_S if self._is_busy() else REST_TICK_S
            await asyncio.sleep(every_s)

    def _is_busy(self) -> bool:
        return not self.lanes or any(each.source.holdings.in_hand for each in self.lanes)

    def _share_health(self) -> None:
        if self.exchange is not None:
            self.exchange.tick(self._owns)

    def _owns(self, endpoint_id: str) -> bool:
        """Return whether this worker owns an endpoint, and so paces it for all workers."""
        for each in self.lanes:
            state = each.admission.queues.states.get(endpoint_id)
            if state is not None and state.rate_limiter is not None:
                return True
        return False

    def _pause_without_brokers(self) -> None:
        """Pause the lanes while nothing can be written to Kafka."""
        silent = self.settler.silent_s > STALLED_AFTER_S
        if silent != self._silent:
            self._silent = silent
            if silent:
                _log.warning("worker.paused", extra={"reason": "brokers acknowledge nothing"})
            else:
                _log.info("worker.resumed")
        for each in self.lanes:
            each.lane.stall(stalled=self.settler.stalled)

    def _watch(self) -> None:
        """End the process if its event loop hangs: its heartbeats would keep its partitions."""
        while not self._stop.is_set():
            time.sleep(WATCH_EVERY_S)
            stuck_s = time.monotonic() - self.ticked_at
            if stuck_s > WEDGED_AFTER_S:
                _log.critical("worker.wedged", extra={"stuck_s": round(stuck_s)})
                os._exit(EXIT_WEDGED)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run a task for as long as the worker runs; if the task fails, the worker ends."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._crashed)
        return task

    def _crashed(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error
        self._stop.set()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _limits(settings: IsolationSettings) -> AdmissionLimits:
    return AdmissionLimits(
        settings.endpoint_in_flight,
        settings.endpoint_queue,
        workspace=settings.workspace_backlog,
    )
