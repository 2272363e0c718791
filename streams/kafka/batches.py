"""Columns to bytes: finished record batches (format v2) for aiokafka's producer.

`AIOKafkaProducer.send_batch` is public, but what it asks of a batch is not written down: `size`,
`record_count`, `closed`, `close`, `_set_producer_state` and `_build`. `FinishedBatch` answers these
over bytes that a compiled function wrote.
"""

import struct
from collections.abc import Iterator

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from streams.kafka.columns import CRC_FROM, HEADER, LENGTH_PREFIX

# Kafka's default max.message.bytes is 1,048,588 for a whole batch; leave room for the header
MAX_BATCH_BYTES = 1_000_000
# length, attributes, deltas, key and value lengths, header count: varints of <= 5 bytes
RECORD_OVERHEAD = 24

_TRANSACTIONAL = 0x10
_PLAIN_HEADER = struct.Struct(">qiibIhiqqqhii")
_PRODUCER = struct.Struct(">qhi")
_PRODUCER_AT, _CRC_AT, _ATTRIBUTES_AT = 43, 17, 21


@kernel
def _put_varint(out: NDArray[np.uint8], pos: int, value: int) -> int:
    z = np.uint64((value << 1) ^ (value >> 63))
    while z >= np.uint64(128):
        out[pos] = np.uint8(z & np.uint64(127)) | np.uint8(128)
        pos += 1
        z >>= np.uint64(7)
    out[pos] = np.uint8(z)
    return pos + 1


@kernel
def _varint_size(value: int) -> int:
    z, size = np.uint64((value << 1) ^ (value >> 63)), 1
    while z >= np.uint64(128):
        z >>= np.uint64(7)
        size += 1
    return size


@kernel
def _write(
    out: NDArray[np.uint8],
    rows: NDArray[np.int32],
    keys: NDArray[np.uint8],
    key_ends: NDArray[np.int64],
    prefix: NDArray[np.uint8],
    values: NDArray[np.uint8],
) -> int:
    """Write records of (id of row, prefix + value) behind the header's place.

    Returns the end of what was written.
    """
    pos = HEADER
    width = prefix.shape[0] + values.shape[1]
    for i in range(rows.shape[0]):
        start, end = key_ends[rows[i]], key_ends[rows[i] + 1]
        size = 4 + _varint_size(i) + _varint_size(end - start) + (end - start)
        size += _varint_size(width) + width - 1
        pos = _put_varint(out, pos, size)
        out[pos] = 0  # attributes
        out[pos + 1] = 0  # timestamp delta
        pos = _put_varint(out, pos + 2, i)
        pos = _put_varint(out, pos, end - start)
        out[pos : pos + end - start] = keys[start:end]
        pos = _put_varint(out, pos + end - start, width)
        out[pos : pos + prefix.shape[0]] = prefix
        pos += prefix.shape[0]
        out[pos : pos + values.shape[1]] = values[i]
        pos += values.shape[1]
        out[pos] = 0  # headers
        pos += 1
    return pos


class FinishedBatch:
    """A record batch whose bytes are there already.

    aiokafka adds the producer's id and sequence.
    """

    def __init__(self, data: bytearray, count: int) -> None:
        self._data = data
        self._count = count

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def size(self) -> int:
        return len(self._data)

    def record_count(self) -> int:
        return self._count

    def closed(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing to do: it never was open."""

    def _set_producer_state(
        self, producer_id: int, producer_epoch: int, base_sequence: int
    ) -> None:
        struct.pack_into(">h", self._data, _ATTRIBUTES_AT, _TRANSACTIONAL)
        _PRODUCER.pack_into(self._data, _PRODUCER_AT, producer_id, producer_epoch, base_sequence)
        crc = google_crc32c.value(bytes(memoryview(self._data)[CRC_FROM:]))
        struct.pack_into(">I", self._data, _CRC_AT, crc)

    def _build(self) -> bytearray:
        return self._data


def row_batches(
    rows: NDArray[np.int32],
    keys: NDArray[np.uint8],
    key_ends: NDArray[np.int64],
    prefix: bytes,
    values: NDArray[np.uint8],
    time_ms: int,
) -> Iterator[FinishedBatch]:
    """Record batches of one record a row: key = the row's id, value = prefix + its bytes.

    Args:
        rows: which rows (their ids lie in `keys`, row r's at `key_ends[r]:key_ends[r + 1]`).
        values: uint8[len(rows), width], row for row.
        time_ms: the records' timestamp.
    """
    head = np.frombuffer(prefix, np.uint8)
    fixed = RECORD_OVERHEAD + len(prefix) + values.shape[1]
    sizes = np.cumsum(key_ends[rows + 1] - key_ends[rows] + fixed)
    low, done = 0, 0
    while low < len(rows):
        high = max(int(np.searchsorted(sizes, done + MAX_BATCH_BYTES, side="right")), low + 1)
        out = np.empty(HEADER + int(sizes[high - 1]) - done, np.uint8)
        end = _write(out, rows[low:high], keys, key_ends, head, values[low:high])
        count = high - low
        _PLAIN_HEADER.pack_into(
            out.data,
            0,
            0,
            end - LENGTH_PREFIX,
            0,
            2,
            0,
            0,
            count - 1,
            time_ms,
            time_ms,
            -1,
            -1,
            -1,
            count,
        )
        yield FinishedBatch(bytearray(out[:end].data), count)
        low, done = high, int(sizes[high - 1])
