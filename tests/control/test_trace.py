"""The output of `plaudit trace`: one event's way to its endpoints."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import cast

import pytest

from attempts import attempt
from databases import new_sqlite
from plaudit.control.event_origin import EventSource
from plaudit.control.trace import Tracer
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.signing import new_secret
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.models import TestimonialApproved
from plaudit.kafka.read.record_reader import RecordReader, StoredRecord
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import decode_attempt, encode_attempt
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.spec import EndpointSpec
from plaudit.store.endpoints.transitions import new_endpoint
from plaudit.store.log.writer import AttemptRows, insert_new

AWAY = KafkaSettings(bootstrap_servers="127.0.0.1:1")
NOW = int(time.time() * 1_000)
TESTS = ",".join(
    f'{{"field":"testimonial.tags","in":[{",".join(map(str, range(200)))}]}}' for _ in range(9)
)
COSTLY = f'{{"any":[{TESTS}]}}'


class Topic:
    """Reads one event, whatever is asked for."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def read(self, *_: object) -> StoredRecord:
        return StoredRecord(self._value, b"key", [], NOW)


@pytest.mark.parametrize(("tags", "noted"), [(10, False), (50_000, True)])
def test_a_filter_that_costs_too_much_for_an_event_is_noted(
    tmp_path: Path, tags: int, *, noted: bool
) -> None:
    made = example("testimonial.approved")
    assert isinstance(made, TestimonialApproved)
    testimonial = made.testimonial.model_copy(update={"tags": ["x"] * tags})
    value = encode(made.model_copy(update={"testimonial": testimonial}))
    event_id, workspace = str(made.meta.event_id), str(made.meta.workspace_id)
    engine = new_sqlite(tmp_path / "plaudit.db")
    endpoint_id = str(uuid.uuid4())
    spec = EndpointSpec("https://hooks.example.com/", content_filter=COSTLY)
    keys = SecretKeys([os.urandom(32)])
    sent = attempt(event_id=event_id, endpoint_id=endpoint_id, workspace_id=workspace)
    with engine.begin() as connection:
        rows.insert(connection, new_endpoint(keys, spec, workspace, endpoint_id, new_secret(), 0))
        made_rows = AttemptRows(engine.dialect.name)
        insert_new(connection, [made_rows.row(decode_attempt(encode_attempt(sent)))])
    source = EventSource(cast("RecordReader", Topic(value)), LateDecoder(AWAY))
    [traced] = Tracer(engine, source).trace(event_id)
    [course] = traced.histories
    engine.dispose()
    assert course.unwanted is None
    assert (course.note is not None) == noted
    assert not noted or "too many steps" in str(course.note)


def test_a_trace_looks_at_a_limited_number_of_endpoints_without_attempts(tmp_path: Path) -> None:
    event = example("testimonial.approved")
    value, event_id = encode(event), str(event.meta.event_id)
    workspace = str(event.meta.workspace_id)
    engine, keys = new_sqlite(tmp_path / "plaudit.db"), SecretKeys([os.urandom(32)])
    spec = EndpointSpec("https://hooks.example.com/")
    ids = [str(uuid.UUID(int=number)) for number in range(5)]
    sent = attempt(event_id=event_id, endpoint_id=ids[4], workspace_id=workspace)
    with engine.begin() as connection:
        for at, each in enumerate(ids):
            made = new_endpoint(keys, spec, workspace, each, new_secret(), at)
            rows.insert(connection, made)
        made_rows = AttemptRows(engine.dialect.name)
        insert_new(connection, [made_rows.row(decode_attempt(encode_attempt(sent)))])
    source = EventSource(cast("RecordReader", Topic(value)), LateDecoder(AWAY))
    [whole] = Tracer(engine, source).trace(event_id)
    [cut] = Tracer(engine, source, most_unsent=2).trace(event_id)
    engine.dispose()
    assert (len(whole.histories), whole.is_cut) == (5, False)
    assert [each.endpoint_id for each in cut.histories] == [ids[4], ids[0], ids[1]]
    assert cut.is_cut
