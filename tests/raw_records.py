"""Records that the client's Python side can't write: header names that are not UTF-8."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import confluent_kafka

NOT_UTF8: Final = b"\xff\xfe"
_TOPIC, _PARTITION, _VALUE, _KEY, _FLAGS, _HEADER = 1, 3, 4, 5, 7, 9
_COPY: Final = 2
_PRODUCER: Final = 0
_FLUSH_MS: Final = 30_000


def write_raw(
    servers: str,
    topic: str,
    partition: int,
    value: bytes,
    key: bytes | None,
    headers: Sequence[tuple[bytes, bytes]],
    times: int = 1,
) -> None:
    """Write one record, or as many, by librdkafka itself, and wait until the brokers have it."""
    library = _librdkafka()
    said = ctypes.create_string_buffer(512)
    conf = ctypes.c_void_p(library.rd_kafka_conf_new())
    for name, setting in ((b"bootstrap.servers", servers.encode()), (b"log_level", b"0")):
        assert library.rd_kafka_conf_set(conf, name, setting, said, len(said)) == 0, said.value
    client = ctypes.c_void_p(library.rd_kafka_new(_PRODUCER, conf, said, len(said)))
    assert client.value is not None, said.value
    arguments: list[object] = [client, _int(_TOPIC), ctypes.c_char_p(topic.encode())]
    arguments += [_int(_PARTITION), ctypes.c_int32(partition), _int(_FLAGS), _int(_COPY)]
    arguments += [_int(_VALUE), *_sized(value)]
    if key is not None:
        arguments += [_int(_KEY), *_sized(key)]
    for name, header in headers:
        arguments += [_int(_HEADER), ctypes.c_char_p(name), *_sized(header)]
    failed = [library.rd_kafka_producev(*arguments, _int(0)) for _ in range(times)]
    failed.append(library.rd_kafka_flush(client, _FLUSH_MS))
    library.rd_kafka_destroy(client)
    assert not any(failed), failed


def _sized(data: bytes) -> tuple[object, object]:
    return ctypes.c_char_p(data), ctypes.c_size_t(len(data))


def _int(number: int) -> object:
    return ctypes.c_int(number)


def _librdkafka() -> ctypes.CDLL:
    package = Path(confluent_kafka.__file__).parent
    [path] = (package.parent / "confluent_kafka.libs").glob("librdkafka*")
    library = ctypes.CDLL(str(path))
    library.rd_kafka_conf_new.restype = ctypes.c_void_p
    library.rd_kafka_new.restype = ctypes.c_void_p
    return library
