"""Both lanes, whole: from a record's bytes to its acknowledged outcome and the offset.

Everything between poll and commit is real but for three things: the source's thread is a call, the
brokers acknowledge when they are asked to, and requests are answered by a function.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from deliver.brokers import Brokers, Sent
from endpoint_records import endpoint_value
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import RetryPlan
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.assignments import Assignments
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.pipeline.attempt import Attempter
from plaudit.deliver.pipeline.context import LaneContext, PipelineContext
from plaudit.deliver.pipeline.lanes import DELIVERIES, EVENTS
from plaudit.deliver.pipeline.pipeline import Pipeline
from plaudit.deliver.pipeline.upkeep import end_lost, update_endpoints
from plaudit.deliver.settle.settler import Settler
from plaudit.deliver.stranded import CHECK_EVERY_S, StrandedWatch
from plaudit.deliver.telemetry.attempt_log import AttemptLogger
from plaudit.deliver.telemetry.delivery_spans import DeliverySpans
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import EventDecoder, SchemaLookup
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.framing import SchemaId
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.write.producer import Producer
from plaudit.records.delays import parse_delays
from plaudit.records.names import Header, Names
from plaudit.tracing.writer import Tracing
from plaudit.transport.addresses import Target
from plaudit.transport.answer import NO_TIMINGS, Answer
from plaudit.transport.errors import Phase, TransportError
from plaudit.transport.progress import OnDone
from plaudit.transport.sender import ExchangeHandle, Sender

if TYPE_CHECKING:
    from confluent_kafka import Message

NAMES: Final = Names("")
ATTEMPTS: Final = NAMES.attempts
TIERS: Final = parse_delays("5s,5m")
KEYS: Final = SecretKeys([os.urandom(32)])
EXAMPLE: Final = encode(example("testimonial.approved"))
DECODED: Final = EventDecoder().decode(EXAMPLE)
WORKSPACE: Final = DECODED.workspace_id
OK: Final = Answer(200, (), b"", truncated=False, timings=NO_TIMINGS, bytes_sent=1)
PATIENCE_S: Final = 60.0
KINDS: Final[Sequence[dict[str, Any]]] = (
    {},
    {"format": "slack"},
    {"format": "flat"},
    {"format": "cloudevents-binary"},
    {"content_filter": '{"field": "testimonial.rating.value", "gt": 1}'},
    {"rate_limit": 100_000.0},
)
ENDPOINTS: Final = {str(UUID(int=number)): given for number, given in enumerate(KINDS, start=1)}
Answers = Callable[[bytes], Answer | TransportError | None]
"""What is answered to a request, by its own headers; None: it hangs."""


def event_id(number: int) -> str:
    """Return the id of the event of this number."""
    return str(UUID(int=number + 10**9, version=4))


def event(number: int) -> bytes:
    """Return an event that differs from the others by its id."""
    return EXAMPLE.replace(DECODED.event_id.encode(), event_id(number).encode())


def to(endpoint_id: str, **given: object) -> list[tuple[str, bytes]]:
    """Return the headers of a record in a deliveries topic."""
    more = {getattr(Header, name.upper()): str(value).encode() for name, value in given.items()}
    said = {Header.ENDPOINT_ID: endpoint_id.encode(), Header.WORKSPACE_ID: WORKSPACE.encode()}
    return list((said | more).items())


@dataclass
class Told:
    """The client's message; what it tells may be an error, as of the client."""

    told: Sequence[tuple[str, bytes]]
    own_value: bytes | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        return list(self.told)

    def set_headers(self, headers: list[tuple[str, bytes]]) -> None:
        self.told = headers

    def set_value(self, value: bytes) -> None:
        self.own_value = value

    def key(self) -> bytes | None:
        return b"key"


class Request:
    """A request under way that can be cancelled; without an outcome, it hangs."""

    phase: Phase = "first_byte"
    sent = True

    def __init__(self, on_done: OnDone, outcome: Answer | TransportError | None) -> None:
        self._on_done: OnDone | None = on_done
        if outcome is not None:
            asyncio.get_running_loop().call_soon(self.cancel, outcome)

    def cancel(self, outcome: Answer | TransportError) -> None:
        on_done, self._on_done = self._on_done, None
        if on_done is not None:
            on_done(outcome)


class Answering(Sender):
    """Answers each request by a function.

    Attributes:
        answers: that function.
        posted: how often each event was sent to each endpoint.
    """

    def __init__(self) -> None:
        self.answers: Answers = lambda _: OK
        self.posted: Counter[tuple[str, str]] = Counter()

    def start(
        self,
        target: Target,
        prefix: bytes,
        lines: bytes,
        body: bytes,
        on_done: OnDone,
        owner: str = "",
    ) -> ExchangeHandle:
        del prefix, body, owner
        message_id = lines.partition(b"webhook-id: ")[2].partition(b"\r\n")[0].decode()
        self.posted[message_id, target.path.removeprefix("/")] += 1
        return Request(on_done, self.answers(lines))

    async def aclose(self) -> None:
        """Nothing is open."""


class Server(Brokers):
    """Brokers, as the producer brings their answers: what a callback raises is swallowed.

    Attributes:
        written: everything but the log of attempts, in order.
        lines: in the log of attempts.
        last_line: the last of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Sent] = []
        self.lines = 0
        self.last_line: Sent | None = None

    def serve(self) -> None:
        """Acknowledge all that waits."""
        while self.waiting:
            sent = self.waiting[0]
            if sent.topic == ATTEMPTS:
                self.lines += 1
                self.last_line = sent
            else:
                self.written.append(sent)
            with suppress(Exception):  # as `Producer.serve`, which logs it
                self.acknowledge()


@dataclass
class Side:
    """One lane with the partition that it reads.

    Attributes:
        done: records of which a delivery is settled.
        fed: how many records were handed over.
    """

    lane: LoopBridge
    pipeline: Pipeline
    holdings: Assignments
    watch: StrandedWatch
    done: deque[Record]
    fed: int = 0
    now_s: float = field(default_factory=time.monotonic)

    @property
    def pending(self) -> int:
        """Records that are not done."""
        [assignment] = self.holdings.held.values()
        return assignment.window.pending

    @property
    def busy(self) -> bool:
        """True when a record is not done, or in hand."""
        return bool(self.pending or self.pipeline.admission.queues.in_hand)

    def hand_over(self, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Hand over the next record, as the source does."""
        [assignment] = self.holdings.held.values()
        message = cast("Message", Told(headers, value))
        stamp_ms = int(time.time() * 1_000) - assignment.delay_ms
        record = Record(assignment, self.fed, stamp_ms, value, message)
        assert assignment.window.receive(self.fed, len(value))
        self.fed += 1
        self.holdings.handed_over([record])
        asyncio.get_running_loop().call_soon(self.lane.receive, [record])

    def take_done(self) -> None:
        """Take what is settled, as the source does."""
        while self.done:
            self.holdings.settled(self.done.popleft())

    def recover_stranded(self) -> None:
        """Let so much time go by that what is stranded is found."""
        for _ in range(3):
            self.now_s += PATIENCE_S + CHECK_EVERY_S
            self.pipeline.wide_events.restart()
            end_lost(self.pipeline, self.now_s)
            self.watch.check(list(self.holdings.held.values()), self.now_s)


class AnySchema:
    """Knows a schema for every name, so that no partition has to wait for one."""

    def by_fingerprint(self, name: bytes) -> str | None:
        del name
        return '{"type": "record", "name": "odd", "fields": []}'

    def by_id(self, schema_id: SchemaId) -> str | None:
        return self.by_fingerprint(str(schema_id).encode())


class Whole:
    """A worker without Kafka and without sockets; made in the event loop.

    Attributes:
        events: the events lane.
        deliveries: the deliveries lane.
    """

    def __init__(
        self,
        server: Server | None = None,
        clock: BrokerClock | None = None,
        sender: Sender | None = None,
        endpoints: Mapping[str, dict[str, Any]] = ENDPOINTS,
        tracing: Tracing | None = None,
        lookup: SchemaLookup | None = None,
    ) -> None:
        self.server = server or Server()
        self.sender = Answering()
        producer = cast("Producer", self.server)
        self.clock = clock or BrokerClock()
        self.settler = Settler(producer, NAMES, "w", self.clock)
        self.settler.defects.watch(asyncio.get_running_loop())
        self.table = EndpointTable(KEYS)
        for endpoint_id, given in endpoints.items():
            self.add(endpoint_id, **given)
        self.shared = PipelineContext(
            Attempter(sender or self.sender, self.settler.defects),
            self.settler,
            AttemptLogger("all", "w"),
            RetryPlan(TIERS, TIERS),
            AdmissionLimits(),
            self.table,
            lambda: True,
            lookup or AnySchema(),
            spans=tracing and DeliverySpans(tracing, self.settler.defects, self.settler.now_ms),
        )
        self.events = self._side("events", "testimonials", 0)
        self.deliveries = self._side("deliveries", "deliveries.5s", TIERS[0].millis)
        self.sides = (self.events, self.deliveries)

    def add(self, endpoint_id: str, url: str = "", **given: Any) -> None:
        """Let the table know an endpoint; the path of its URL is its id, unless one is given."""
        where = url or f"https://e.example/{endpoint_id}"
        private = EncryptedFields(where, {}, [Secret(new_secret())])
        sealed = seal(KEYS, endpoint_id, private)
        known = {"workspace_id": WORKSPACE, "key_id": sealed.key_id, "sealed": sealed.blob}
        fields: dict[str, Any] = {**known, **given}
        self.table.apply(endpoint_id.encode(), endpoint_value(endpoint_id, **fields))

    def _side(self, name: str, topic: str, delay_ms: int) -> Side:
        context = LaneContext(self.shared)
        pipeline = Pipeline(context, EVENTS if name == "events" else DELIVERIES)
        loop = asyncio.get_running_loop()
        lane = LoopBridge(name, pipeline, context.gate, loop, self.clock)
        done: deque[Record] = deque()
        holdings = Assignments({topic: delay_ms}, done.append)
        holdings.assign({Partition(topic, 0): CommittedOffset(0, "")}, lambda _: 0)

        def held() -> Iterator[Record]:
            yield from lane.records
            yield from pipeline.wide_events.records
            yield from (each.record for each in pipeline.admission.queues.deliveries)
            yield from self.settler.records
            yield from tuple(done)

        watch = StrandedWatch(lane, held, self.settler.defects, PATIENCE_S)
        return Side(lane, pipeline, holdings, watch, done)

    async def run(self, rounds: int = 40) -> None:
        """Run until nothing is left to do, or no more progress is made."""
        for _ in range(rounds):
            for _ in range(6):
                await asyncio.sleep(0)
            self.server.serve()
            for side in self.sides:
                side.take_done()
                self.look(partial(update_endpoints, side.pipeline))
                self.look(side.lane.retry)
            self.look(self.settler.repeat_failed)
            if not any(
                side.pending or side.pipeline.admission.queues.in_hand for side in self.sides
            ):
                return

    async def run_to_the_end(self) -> None:
        """The same; then let time go by, so that stranded records are processed again."""
        await self.run()
        for _ in range(4):
            if not any(
                side.pending or side.pipeline.admission.queues.in_hand for side in self.sides
            ):
                break
            for side in self.sides:
                self.look(side.recover_stranded)
                queues = side.pipeline.admission.queues
                if any(state.paced and state.queue for state in queues.states.values()):
                    # No time passes here: what would wait for its turn is diverted.
                    waiting = side.pipeline.admission.divert_waiting(
                        lambda _: True, worker_bound=True
                    )
                    side.pipeline.proceed(waiting)
            await self.run()

    def look(self, look: Callable[[], None]) -> None:
        """Look after something, as the worker does a few times a second."""
        try:
            look()
        except Exception as error:  # noqa: BLE001 - as the worker
            self.settler.defects.note(Stage.LOOK, error)

    def check_all_is_settled(self) -> None:
        """Check that every record is done, and that nothing is left in hand anywhere."""
        for side in self.sides:
            [assignment] = side.holdings.held.values()
            assert (side.pending, assignment.place()) == (0, CommittedOffset(side.fed, ""))
            assert not assignment.records
            assert side.holdings.in_hand == side.holdings.bytes_in_hand == 0
            queues = side.pipeline.admission.queues
            assert (queues.in_hand, queues.waiting_for_worker) == (0, 0)
            assert not list(queues.deliveries)
        assert not self.settler.backlog
        assert not list(self.settler.records)

    def outcomes(self) -> Counter[tuple[str, str]]:
        """Count what was written, by topic and reason."""
        return Counter(
            (each.topic, each.headers.get(Header.REASON, b"").decode())
            for each in self.server.written
        )
