"""The records of a letter that is sent again."""

from __future__ import annotations

import pytest

from dlq.generate import ENDPOINTS, WORKSPACE, letters
from plaudit.dlq.job.rules import (
    CUT_BYTES,
    REMEDIES,
    RedriveOptions,
    Skip,
    delivery_skip_reason,
    event_skip_reason,
    redriven_delivery,
    redriven_event,
)
from plaudit.dlq.letters.endpoint_index import EndpointSummary
from plaudit.dlq.letters.letter import Letter
from plaudit.kafka.read.headers import Headers
from plaudit.records.delivery_id import delivery_id
from plaudit.records.names import Header, Names

NAMES = Names("plaudit.")
NOW_MS = 1_800_000_000_000


def letter(value: bytes | None = None, **changed: str | None) -> Letter:
    """Return a delivery's dead letter; None takes a header away."""
    [made] = letters(1)
    named = dict(made.headers)
    for name, text in changed.items():
        header = getattr(Header, name, name)
        named.pop(header, None)
        if text is not None:
            named[header] = text.encode()
    return Letter(made.key, 3, 7, 0, list(named.items()), made.value if value is None else value)


def event_letter(topic: str = "plaudit.testimonials", **more: bytes) -> Letter:
    """Return the dead letter of a record that is not an event."""
    headers: Headers = [
        ("ce_id", b"1"),
        ("traceparent", b"00-a-b-01"),
        (Header.REASON, b"truncated"),
        (Header.LAST_ERROR, b"only 3 bytes"),
        (Header.ORIGIN_TOPIC, topic.encode()),
        (Header.ORIGIN_PARTITION, b"2"),
        (Header.ORIGIN_OFFSET, b"9"),
        (Header.ORIGIN_TIMESTAMP, b"1"),
        (Header.ORIGIN_KEY, b"\xff key"),
        *((getattr(Header, name), value) for name, value in more.items()),
    ]
    return Letter(f"{topic}:2:9".encode(), 0, 0, 0, headers, b"\xc3\x01x")


def known(
    endpoint: str = ENDPOINTS[0], workspace: str = WORKSPACE, *, active: bool = True
) -> EndpointSummary:
    return EndpointSummary(endpoint, workspace, 7, active, None, frozenset(), frozenset(), 0, None)


def test_a_redriven_delivery_has_a_new_history_and_the_headers_of_its_event() -> None:
    was = letter()
    write = redriven_delivery(NAMES, was, RedriveOptions(), known(), NOW_MS)
    headers = dict(write.headers or [])
    assert (write.topic, write.key, write.value) == (
        "plaudit.deliveries.now",
        ENDPOINTS[0].encode(),
        was.value,
    )
    assert headers[Header.ATTEMPT] == b"0"
    assert headers[Header.REDRIVES] == b"1"
    assert headers[Header.TRIGGER] == b"redrive"
    assert headers[Header.ENQUEUED_AT] == str(NOW_MS).encode()
    assert not {Header.REASON, Header.LAST_ERROR, Header.LAST_STATUS} & set(headers)
    for name in ("ce_id", "ce_type", Header.DELIVERY_ID, Header.ORIGIN_OFFSET):
        assert headers[name] == was.raw(name)


def test_a_record_grows_by_digits_at_most() -> None:
    was = letter()
    write = redriven_delivery(NAMES, was, RedriveOptions(), known(), NOW_MS)
    size = sum(len(name) + len(value) for name, value in write.headers or [])
    assert size <= was.size - len(was.key) - len(was.value)


def test_attempts_can_be_kept_for_one_more_try() -> None:
    options = RedriveOptions(reset_attempts=False)
    write = redriven_delivery(NAMES, letter(), options, options.to or known(), NOW_MS)
    assert dict(write.headers or [])[Header.ATTEMPT] == b"10"


def test_to_another_endpoint_is_another_delivery_of_the_same_event() -> None:
    was, other = letter(), ENDPOINTS[5]
    options = RedriveOptions(reset_attempts=False, to=known(other))
    write = redriven_delivery(NAMES, was, options, options.to or known(), NOW_MS)
    headers = dict(write.headers or [])
    assert write.key == headers[Header.ENDPOINT_ID] == other.encode()
    event_id = was.text("ce_id") or ""
    assert headers[Header.DELIVERY_ID] == delivery_id(event_id, other).encode()
    assert headers[Header.ENDPOINT_VERSION] == b"7"
    assert headers[Header.ATTEMPT] == b"0", "attempts of one endpoint say nothing of another"


def test_a_replay_stays_one() -> None:
    write = redriven_delivery(NAMES, letter(TRIGGER="replay"), RedriveOptions(), known(), NOW_MS)
    assert dict(write.headers or [])[Header.TRIGGER] == b"replay"


def test_a_record_that_is_not_an_event_is_redriven_unchanged() -> None:
    write = redriven_event(NAMES, event_letter())
    assert (write.topic, write.key, write.value) == (
        "plaudit.testimonials",
        b"\xff key",
        b"\xc3\x01x",
    )
    assert dict(write.headers or []) == {
        "ce_id": b"1",
        "traceparent": b"00-a-b-01",
        Header.REDRIVES: b"1",
    }


def test_a_delivery_without_an_event_is_redriven_to_now_and_keeps_its_endpoint() -> None:
    was = event_letter("plaudit.deliveries.24h", ENDPOINT_ID=b"e", REDRIVES=b"2")
    write = redriven_event(NAMES, was)
    headers = dict(write.headers or [])
    assert write.topic == "plaudit.deliveries.now"
    assert (headers[Header.ENDPOINT_ID], headers[Header.REDRIVES]) == (b"e", b"3")


@pytest.mark.parametrize(
    ("was", "options", "where", "reason"),
    [
        (letter(), RedriveOptions(), known(), None),
        (letter(REDRIVES="4"), RedriveOptions(), known(), None),
        (letter(REDRIVES="5"), RedriveOptions(), known(), Skip.PARKED),
        (letter(), RedriveOptions(), None, Skip.ENDPOINT_UNKNOWN),
        (letter(), RedriveOptions(), known(active=False), Skip.ENDPOINT_DISABLED),
        (letter(), RedriveOptions(), known(workspace="other"), Skip.OTHER_WORKSPACE),
        (letter(WORKSPACE_ID=None), RedriveOptions(), known(), Skip.OTHER_WORKSPACE),
        (letter(ce_id=None), RedriveOptions(to=known()), known(), Skip.NO_EVENT_ID),
        (letter(b"x" * CUT_BYTES, REASON="write_refused"), RedriveOptions(), known(), Skip.CUT),
        (letter(b"x", REASON="write_refused"), RedriveOptions(), known(), None),
    ],
)
def test_a_letter_that_stays_has_a_reason(
    was: Letter, options: RedriveOptions, where: EndpointSummary | None, reason: Skip | None
) -> None:
    assert delivery_skip_reason(was, options, where) is reason


def test_a_record_of_unknown_origin_stays() -> None:
    nowhere = Letter(b"?", 0, 0, 0, [], b"x")
    assert event_skip_reason(NAMES, nowhere, RedriveOptions()) is Skip.NO_ORIGIN
    for key in (b"plaudit.forms:1:2:1764000000000", b"plaudit.forms:1:2"):
        by_key = Letter(key, 0, 0, 0, [], b"x")
        assert event_skip_reason(NAMES, by_key, RedriveOptions()) is None
        assert redriven_event(NAMES, by_key).topic == "plaudit.forms"


def test_every_reason_to_stay_has_a_way_out() -> None:
    assert set(REMEDIES) == set(Skip)


@pytest.mark.parametrize(
    "topic",
    [
        "plaudit.endpoints",
        "plaudit.attempts",
        "plaudit.schemas",
        "plaudit.dlq.events",
        "plaudit.deliveries.",
        "plaudit.deliveries.soon",
        "other.testimonials",
        "testimonials",
        "plaudit.testimonials ",
        "\u0000",
        "x" * 300,
    ],
)
def test_a_record_is_redriven_only_to_topics_of_events_and_deliveries(topic: str) -> None:
    assert event_skip_reason(NAMES, event_letter(topic), RedriveOptions()) is Skip.FOREIGN_ORIGIN


@pytest.mark.parametrize("topic", [*NAMES.event_topics, "plaudit.deliveries.5s"])
def test_a_record_of_a_declared_topic_may_be_redriven(topic: str) -> None:
    assert event_skip_reason(NAMES, event_letter(topic), RedriveOptions()) is None
