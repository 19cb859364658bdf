"""Trace context of an event: in its requests, retries and dead letters, byte for byte."""

from __future__ import annotations

from deliver.whole import OK, WORKSPACE, Answers, Whole, event, to
from plaudit.records.names import Header
from plaudit.transport.answer import Answer
from plaudit.transport.errors import TransportError
from transport.altered import altered

TRACE = (
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
    ("tracestate", b"vendor=1,other=a b"),
)
LINES = b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in TRACE)
ENDPOINT = "00000000-0000-0000-0000-000000000001"


def answering(whole: Whole, status: int) -> list[bytes]:
    """Answer every request with a status; return the list of their headers."""
    seen: list[bytes] = []

    def answer(lines: bytes) -> Answer | TransportError:
        seen.append(lines)
        return altered(OK, status=status)

    answers: Answers = answer
    whole.sender.answers = answers
    return seen


async def test_every_request_of_an_event_carries_its_context_untouched() -> None:
    whole = Whole()
    seen = answering(whole, 200)
    whole.events.hand_over(event(1), TRACE)
    whole.events.hand_over(event(2))
    await whole.run()
    with_trace = [lines for lines in seen if lines.count(LINES) == 1]
    without = [lines for lines in seen if b"trace" not in lines]
    assert len(with_trace) == len(without) == len(seen) / 2 > 1


async def test_retries_and_dead_letters_keep_it_and_the_next_request_carries_it() -> None:
    whole = Whole()
    seen = answering(whole, 503)
    whole.events.hand_over(event(1), TRACE)
    await whole.run()
    assert {sent.topic for sent in whole.server.written} == {"deliveries.5s", "deliveries.now"}
    assert all(set(TRACE) <= set(sent.headers.items()) for sent in whole.server.written)
    seen.clear()
    whole.deliveries.hand_over(event(1), [*TRACE, *to(ENDPOINT, attempt=9)])
    await whole.run()
    assert LINES in seen[0]
    assert whole.server.written[-1].topic == "dlq.deliveries"
    assert set(TRACE) <= set(whole.server.written[-1].headers.items())


async def test_an_invalid_context_is_dropped_and_the_delivery_is_made() -> None:
    whole = Whole()
    seen = answering(whole, 200)
    forged = b"%b\r\nx-injected: 1" % TRACE[0][1]
    headers = [("traceparent", forged), (Header.WORKSPACE_ID, WORKSPACE.encode())]
    whole.events.hand_over(event(1), headers)
    await whole.run()
    assert seen
    assert not any(b"trace" in lines or b"injected" in lines for lines in seen)
