"""Attempt records in Confluent framing: written with a header, and read by it."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import Message

from attempts import attempt
from plaudit.deliver.attempts_framing import attempts_framing
from plaudit.kafka.errors import SettingsError
from plaudit.kafka.read.attempts import attempt_value
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import (
    confluent_framing,
    decode_attempt,
    encode_attempt,
    single_object,
)
from plaudit.records.names import Header

FRAMING = confluent_framing(77)
LINE = encode_attempt(attempt())


class Recorded:
    """A message of the client."""

    def __init__(self, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self._value, self._headers = value, headers

    def value(self) -> bytes:
        return self._value

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers


def test_a_framed_record_has_the_id_in_front_and_is_read_as_before() -> None:
    value, headers = FRAMING.framed(LINE)
    assert value == b"\0\0\0\0\x4d" + LINE[10:]
    message = cast("Message", Recorded(value, headers))
    assert attempt_value(message) == LINE
    assert decode_attempt(attempt_value(message)) == decode_attempt(LINE)


def test_a_record_in_single_object_encoding_stays_unchanged() -> None:
    message = cast("Message", Recorded(LINE, []))
    assert attempt_value(message) is LINE


def test_the_header_names_the_schema_of_another_release() -> None:
    value, _ = FRAMING.framed(LINE)
    other = single_object(value, {Header.SCHEMA: b"0123456789abcdef"})
    assert other == bytes.fromhex("c3010123456789abcdef") + LINE[10:]


@pytest.mark.parametrize("headers", [{}, {Header.SCHEMA: b"\xff"}, {Header.SCHEMA: b"01"}])
def test_without_a_usable_header_the_schema_is_this_releases(headers: dict[str, bytes]) -> None:
    value, _ = FRAMING.framed(LINE)
    assert single_object(value, headers) == LINE


def test_confluent_framing_without_a_registry_is_a_mistake_in_the_settings() -> None:
    assert attempts_framing(KafkaSettings(), "single-object") is None
    with pytest.raises(SettingsError, match="confluent needs PLAUDIT_SCHEMA_REGISTRY_URL"):
        attempts_framing(KafkaSettings(), "confluent")
