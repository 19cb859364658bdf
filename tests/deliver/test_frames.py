"""The call stack of one delivery, compared with the table in docs/architecture.md."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from types import FrameType
from typing import Any, Final, cast
from uuid import UUID

import pytest

from deliver.brokers import Brokers, OnAck
from deliver.world import assignment
from endpoint_records import endpoint_value
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import RetryPlan
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.offsets.lane_sink import LaneCallbacks, LaneSink
from plaudit.deliver.pipeline.attempt import Attempter
from plaudit.deliver.pipeline.context import LaneContext, PipelineContext
from plaudit.deliver.pipeline.lanes import EVENTS
from plaudit.deliver.pipeline.pipeline import Pipeline
from plaudit.deliver.settle.settler import Settler
from plaudit.deliver.telemetry.attempt_log import AttemptLogger
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.write.producer import Producer
from plaudit.records.delays import NOW
from plaudit.records.names import Names
from plaudit.transport.addresses import AddressPolicy
from plaudit.transport.engine.engine import Engine
from plaudit.transport.net.dialer import Dialer
from plaudit.transport.net.tls import tls_context

PAGE: Final = Path(__file__).parents[2] / "docs" / "architecture.md"
MOST_FRAMES: Final = 7
VALUE: Final = encode(example("testimonial.approved"))
OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

Frame = tuple[str, str]
"""Function and module."""


class Probe:
    """Keeps the stack of the first write to a socket, from the event loop's callback on."""

    def __init__(self) -> None:
        self.stack: list[Frame] = []

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        writes = code.co_name == "write" and code.co_filename.endswith("selector_events.py")
        if event != "call" or not writes or self.stack:
            return
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.endswith("asyncio/events.py"):
            path = caller.f_code.co_filename.rpartition("/plaudit/")[2]
            self.stack.insert(0, (caller.f_code.co_name, path))
            caller = caller.f_back


class Notifying(Brokers):
    """Brokers that a test waits for; each delivery is one write.

    Attributes:
        written: set by each write.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def send(self, *args: Any, on_ack: OnAck) -> None:
        super().send(*args, on_ack=on_ack)
        self.written.set()


def documented() -> list[Frame]:
    """Return the frames that the page states."""
    table = PAGE.read_text().partition("<!-- frames:")[2].partition("<!-- frames: end")[0]
    return re.findall(r"^\| \d+ \| `(\w+)` \| `([\w/.]+)` \|", table, re.MULTILINE)


def table_of(port: int) -> EndpointTable:
    """Return a table with one endpoint, which wants every event of the example's workspace."""
    keys, endpoint_id = SecretKeys([os.urandom(32)]), str(UUID(int=1))
    private = EncryptedFields(f"http://127.0.0.1:{port}/", {}, [Secret(new_secret())])
    sealed = seal(keys, endpoint_id, private)
    table = EndpointTable(keys)
    value = endpoint_value(
        endpoint_id,
        workspace_id=EventDecoder().decode(VALUE).workspace_id,
        key_id=sealed.key_id,
        sealed=sealed.blob,
    )
    table.apply(endpoint_id.encode(), value)
    return table


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request of a connection."""
    with suppress(asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
            writer.write(OK)
    writer.close()


async def delivered(probe: Probe) -> None:
    """Deliver an event to open the connection, and one more under the probe."""
    server = await asyncio.start_server(answer, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    engine = Engine(Dialer(AddressPolicy((ip_network("127.0.0.0/8"),))), tls_context())
    brokers, loop = Notifying(), asyncio.get_running_loop()
    context = LaneContext(
        PipelineContext(
            Attempter(engine),
            Settler(cast("Producer", brokers), Names(), "w", BrokerClock()),
            AttemptLogger("none", "w"),
            RetryPlan((NOW,), (NOW,)),
            AdmissionLimits(),
            table_of(port),
            lambda: True,
        )
    )
    bridge = LoopBridge("events", Pipeline(context, EVENTS), context.gate, loop, BrokerClock())
    callbacks = LaneCallbacks(bridge, context.gate, lambda: True, *[lambda _: None] * 4)
    entrance, partition = LaneSink(callbacks, loop), assignment()
    for offset in range(2):
        if offset:
            sys.setprofile(probe)
        try:
            record = Record(partition, offset, int(time.time() * 1_000), VALUE)
            entrance.hand_over([record])
            await brokers.written.wait()
            brokers.written.clear()
        finally:
            sys.setprofile(None)
    await engine.aclose()
    server.close()


@pytest.mark.tree
def test_a_delivery_passes_the_frames_that_the_architecture_page_states() -> None:
    probe = Probe()
    asyncio.run(delivered(probe))
    assert probe.stack == documented()
    assert len(probe.stack) <= MOST_FRAMES
