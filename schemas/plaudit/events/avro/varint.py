"""Runtime support for generated readers and writers: varints, blocks and times."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive, so that isoformat adds no offset
_LAST_SHIFT: Final = 63  # ten bytes of seven bits: the longest varint of 64 bits
_EXACT: Final = 1 << 53
_MICROS: Final = 1_000_000
_ONE_BYTE: Final = tuple(bytes([word]) for word in range(128))
_FROM_EIGHT: Final = 1 << 49  # the first number that takes eight bytes, doubled …
_EIGHT: Final = (1 << 56) - _FROM_EIGHT  # … and their number
_EIGHT_BYTES: Final = 0x0080808080808080  # the continuation bit of eight bytes but the last


def long_at(data: bytes, at: int) -> tuple[int, int]:
    """Read a zigzag varint of any length.

    Returns:
        The number, and the offset after it.

    Raises:
        ValueError: the number has more than 64 bits.
        IndexError: the data ends within it.
    """
    # Eight bytes hold the microseconds of the years 1988 to 3111, the usual case for times.
    # All groups of seven bits are moved together in three steps instead of one at a time.
    word = int.from_bytes(data[at : at + 8], "little")
    if word & 0x8080808080808080 == _EIGHT_BYTES:
        word = (word & 0x007F007F007F007F) | ((word & 0x7F007F007F007F00) >> 1)
        word = (word & 0x00003FFF00003FFF) | ((word & 0x3FFF00003FFF0000) >> 2)
        word = (word & 0x0FFFFFFF) | ((word & 0x0FFFFFFF00000000) >> 4)
        return word >> 1 ^ -(word & 1), at + 8
    return long_by_bytes(data, at)


def long_by_bytes(data: bytes, at: int) -> tuple[int, int]:
    """Do the same as `long_at`, byte by byte; faster in the compiled build."""
    word = shift = 0
    while True:
        byte = data[at]
        at += 1
        word |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says "more follows"
            break
        shift += 7
        if shift > _LAST_SHIFT:
            msg = "a number of more than 64 bits"
            raise ValueError(msg)
    if word >> 64:
        msg = "a number of more than 64 bits"
        raise ValueError(msg)
    return word >> 1 ^ -(word & 1), at


def long_bytes(number: int) -> bytes:
    """Encode a number of at most 64 bits as a zigzag varint."""
    word = number << 1 ^ number >> _LAST_SHIFT
    if word < 0x80:  # noqa: PLR2004 - seven bits are one byte
        return _ONE_BYTE[word]
    if 0 <= word - _FROM_EIGHT < _EIGHT:
        # The usual case for times, as in `long_at`: move all groups of seven bits in three steps.
        word = (word & 0x0FFFFFFF) | ((word & 0xFFFFFFF0000000) << 4)
        word = (word & 0x00003FFF00003FFF) | ((word & 0x0FFFC0000FFFC000) << 2)
        word = (word & 0x007F007F007F007F) | ((word & 0x3F803F803F803F80) << 1)
        return (word | _EIGHT_BYTES).to_bytes(8, "little")
    if 0x4000 <= word < 0x200000:  # noqa: PLR2004 - three bytes: offsets up to a million
        return bytes((word & 0x7F | 0x80, word >> 7 & 0x7F | 0x80, word >> 14))
    pieces = bytearray()
    while word >= 0x80:  # noqa: PLR2004 - as above
        pieces.append(word & 0x7F | 0x80)
        word >>= 7
    pieces.append(word)
    return bytes(pieces)


def far(data: bytes, at: int) -> tuple[int, int]:
    """Read a length of more than one byte.

    Returns:
        The offset of the length's last byte, and the end of the measured bytes, which may lie past
        the end of the data.

    Raises:
        ValueError: a negative length.
    """
    low, high = data[at], data[at + 1]
    if high < 0x80 and not low & 1:  # noqa: PLR2004 - two bytes hold a length of up to 8,191
        return at + 1, at + 2 + (low >> 1 & 0x3F | high << 6)
    length, at = long_at(data, at)
    if length < 0:
        msg = "a negative length"
        raise ValueError(msg)
    return at - 1, at + length


def block_at(data: bytes, at: int) -> tuple[int, int]:
    """Read the head of a block of an array or a map.

    Returns:
        The number of items, and the offset of the first item.

    Raises:
        ValueError: more items than bytes. Schemas with items of zero bytes are rejected earlier.
    """
    count, at = long_at(data, at)
    if count < 0:  # the block's size in bytes follows, for readers that skip it
        count = -count
        _, at = long_at(data, at)
    if count > len(data):
        msg = "more items than bytes"
        raise ValueError(msg)
    return count, at


def ratio(number: int, power: int) -> object:
    """Return `number / power`; a whole number as an integer, which JSON shows without `.0`.

    JavaScript writes 5.0 as 5, so a body that a receiver parses and writes again stays the same.
    """
    # Two statements: mypyc would make one type of both results, a float.
    if number % power == 0:
        return number // power
    return number / power


def plain_float(number: float) -> object:
    """Return a number; a whole one as an integer, as far as all of them are exact."""
    if -_EXACT < number < _EXACT and number == int(number):
        return int(number)
    return number


def time_at(data: bytes, at: int) -> tuple[str, int]:
    """Read microseconds since 1970.

    Returns:
        The time as RFC 3339 in UTC with six decimals, and the offset after it.

    Raises:
        OverflowError: before the year 1 or after 9999.
    """
    micros, at = long_at(data, at)
    seconds = micros // _MICROS
    digits = str(micros - (seconds - 1) * _MICROS)  # a 1 and six more
    return f"{_second(seconds)}.{digits[1:]}Z", at


def time_text(micros: int) -> str:
    """Format microseconds since 1970 as RFC 3339 in UTC with six decimals.

    Raises:
        OverflowError: before the year 1 or after 9999.
    """
    seconds, micros = divmod(micros, _MICROS)
    return f"{_second(seconds)}.{str(_MICROS + micros)[1:]}Z"


# Consecutive events share their second: 50 ns instead of 600.
@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()
