"""Mutated answers, by the hundred thousand: each becomes an answer or a named error, however split.

An input that fails is to be added to the corpus of test_assembly.py, where it is tried for good.
"""

from __future__ import annotations

import os
import random
import re

import pytest

from transport.test_assembly import CORPUS, PIECES, read, split

INPUTS = 200_000
_CONTROL = re.compile(rb"[\r\n\0]")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def mutated(dice: random.Random) -> bytes:
    """Return an answer of the corpus after a few mutations."""
    data = bytearray(dice.choice(CORPUS))
    for _ in range(dice.randint(1, 5)):
        at = dice.randint(0, len(data))
        match dice.randrange(6):
            case 0:
                data[at:at] = dice.choice(PIECES)
            case 1:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 2:
                del data[at : at + dice.randint(1, 8)]
            case 3:
                data[at:at] = dice.choice((b"\r", b"\n", b"\0", b" ", b"\t", b":", b"\r\n "))
            case 4:
                other = dice.choice(CORPUS)
                data[at:] = other[dice.randint(0, len(other)) :]
            case _:
                data[at:at] = data[dice.randint(0, at) : at]
    return bytes(data[:2_000])


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_no_answer_is_read_in_two_ways_or_not_at_all() -> None:
    seed = int(os.environ.get("PLAUDIT_TEST_SEED") or random.SystemRandom().getrandbits(32))
    dice = random.Random(seed)  # noqa: S311 - reproducible
    for _ in range(INPUTS):
        data = mutated(dice)
        whole = read([data])
        places = [dice.randrange(10_000) for _ in range(dice.randint(1, 8))]
        assert read(split(data, places)) == whole, (seed, data, places)
        if isinstance(whole, tuple):
            status, headers = whole[:2]
            assert isinstance(status, int)
            assert 200 <= status <= 999, (seed, data)
            assert isinstance(headers, list)
            for name, value in headers:
                assert _TOKEN.fullmatch(name), (seed, data)
                assert not _CONTROL.search(value), (seed, data)
