"""The compiled form is made of the same source: what it adds reads as the pure form does."""

from __future__ import annotations

from typing import Any

import pytest

from plaudit.events.avro.reader_codegen import READ_ERRORS, Read, compile_reader
from plaudit.events.catalogue import CATALOGUE, EventType
from plaudit.events.decoding import SINGLE_HEAD
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.generate.readers import readers_module


@pytest.fixture(scope="module")
def readers() -> dict[bytes, Read]:
    namespace: dict[str, Any] = {}
    exec(compile(readers_module(), "built_readers.py", "exec"), namespace)  # noqa: S102 - ours
    built: dict[bytes, Read] = namespace["READERS"]
    return built


@pytest.mark.parametrize("event_type", CATALOGUE.values(), ids=str)
def test_a_reader_that_is_built_reads_what_one_written_out_at_run_time_does(
    readers: dict[bytes, Read], event_type: EventType
) -> None:
    value = encode(example(event_type.name))
    built = readers[event_type.fingerprint]
    written = compile_reader(event_type.schema, event_type.schema)
    assert built(value, SINGLE_HEAD) == written(value, SINGLE_HEAD)
    assert built(value, SINGLE_HEAD)[1] == len(value)
    with pytest.raises(READ_ERRORS):
        built(value[: SINGLE_HEAD + 3], SINGLE_HEAD)
