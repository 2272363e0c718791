"""Single records of a fetch, for those that are judged one by one."""

import numpy as np

from schemas.dead_letters import DeadLetter, Headers
from schemas.rejections import Rejected
from streams.kafka.columns import (
    HEADERS_END,
    HEADERS_START,
    KEY_END,
    KEY_START,
    OFFSET,
    VALUE_END,
    VALUE_START,
    Fetched,
)

_MAX_SHIFT = 63


class Records:
    """A fetch, record by record; `bytes` is its buffer as an array."""

    def __init__(self, fetched: Fetched) -> None:
        self.bytes = np.frombuffer(fetched.data, np.uint8)
        self._data = fetched.data
        self._columns = fetched.columns

    def key(self, row: int) -> bytes | None:
        """The record's key."""
        return self._part(row, KEY_START, KEY_END)

    def parts(self, row: int) -> tuple[bytes | None, bytes | None, Headers]:
        """Key, value and headers."""
        block = self._part(row, HEADERS_START, HEADERS_END)
        return self.key(row), self._part(row, VALUE_START, VALUE_END), read_headers(block or b"")

    def dead_letter(self, row: int, error: Rejected) -> DeadLetter:
        """The record as it is, and why it was refused."""
        offset = int(self._columns[row, OFFSET])
        return DeadLetter(offset, *self.parts(row), error.reason, str(error))

    def _part(self, row: int, start: int, end: int) -> bytes | None:
        first, behind = int(self._columns[row, start]), int(self._columns[row, end])
        return None if behind < 0 else self._data[first:behind]


def read_headers(block: bytes) -> Headers:
    """The headers in a block of message format v2; if it is damaged, those before the damage.

    Count, then per header the length and bytes of its key and of its value; numbers are zig-zag
    varints, and a value's length of -1 is a null (KIP-98).

    >>> read_headers(bytes([2, 4]) + b"id" + bytes([2]) + b"7")
    [('id', b'7')]
    """
    headers: Headers = []
    try:
        count, at = _varint(block, 0)
        for _ in range(count):
            name, at = _part(block, at)
            value, at = _part(block, at)
            headers.append(((name or b"").decode(errors="replace"), value))
    except IndexError:
        pass
    return headers


def _part(block: bytes, at: int) -> tuple[bytes | None, int]:
    size, at = _varint(block, at)
    if size < 0:
        return None, at
    if at + size > len(block):
        raise IndexError
    return block[at : at + size], at + size


def _varint(block: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _MAX_SHIFT, 7):
        byte = block[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at
    raise IndexError
