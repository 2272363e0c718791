"""Fetched bytes to columns: one walk over Kafka's record batches, no object a record.

A fetch of one partition is a run of record batches (message format v2, KIP-98). The walk below
notes where each record's key, value and headers lie; nothing is copied unless a batch is
compressed.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import google_crc32c
import numpy as np
from aiokafka import codec
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from numpy.typing import NDArray

from detectors.compiled import kernel
from streams.kafka.old_format import SHORTEST, old_records

OFFSET, TIME, KEY_START, KEY_END, VALUE_START, VALUE_END, HEADERS_START, HEADERS_END = range(8)
COLUMNS = 8

HEADER = 61  # bytes of a v2 batch before its first record
LENGTH_PREFIX = 12  # base offset (8) and length (4), which the length does not count
CRC_FROM = 21  # the checksum covers everything from the attributes on
_FIELDS = struct.Struct(">qiibIhiqqqhii")

_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_ABORT_MARKER = b"\x00\x00"  # control record key: version int16, type int16 (0 abort, 1 commit)
_DECODERS: dict[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}

Piece = tuple[bytes, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """One fetch of one partition.

    `columns` is int64[records, 8]: offset, record timestamp (ms since the epoch), then the start
    and end in `data` of key, value and header block; an end of -1 is a null. `[first, after)` is
    the interval of fetch positions that it covers. Control batches, aborted transactions and
    compaction make that wider than its records. `made` is what the consumer was told to make of it.
    """

    data: bytes
    columns: NDArray[np.int64]
    first: int
    after: int
    made: object = None

    def from_position(self, position: int) -> "Fetched":
        """The part at and behind `position`, for a fetch that was already taken in part."""
        kept = self.columns[self.columns[:, OFFSET] >= position]
        return Fetched(self.data, kept, max(self.first, position), self.after)


class Aborted(NamedTuple):
    """An aborted transaction, as the broker lists it beside a fetch."""

    producer_id: int
    first_offset: int


@kernel
def varint(buf: NDArray[np.uint8], pos: int, end: int) -> tuple[int, int]:
    """A zig-zag varint at `pos`, and the position behind it.

    The position is -1 when the varint does not end before `end`.
    """
    value, shift = np.uint64(0), np.uint64(0)
    while pos < end and shift < 64:
        byte = np.uint64(buf[pos])
        pos += 1
        value |= (byte & np.uint64(127)) << shift
        if byte < 128:
            z = np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1))
            return z, pos  # type: ignore[return-value]  # compiled, np.int64 and int are the same
        shift += np.uint64(7)
    return 0, -1


@kernel
def _walk(
    buf: NDArray[np.uint8],
    pos: int,
    end: int,
    base_offset: int,
    base_time: int,
    append_time: int,
    out: NDArray[np.int64],
) -> int:
    """Fill a row of `out` a record.

    Returns the number of records read, or -1 - i when record i runs past its end.
    """
    for i in range(out.shape[0]):
        length, pos = varint(buf, pos, end)
        if pos < 0 or length < 1 or length > end - pos:
            return -1 - i
        stop = pos + length
        pos += 1  # attributes, unused in v2
        delta_time, pos = varint(buf, pos, stop)
        if pos < 0:
            return -1 - i
        delta_offset, pos = varint(buf, pos, stop)
        if pos < 0 or delta_offset < 0:
            return -1 - i
        out[i, OFFSET] = base_offset + delta_offset
        out[i, TIME] = append_time if append_time >= 0 else base_time + delta_time
        for column in (KEY_START, VALUE_START):
            size, pos = varint(buf, pos, stop)
            if pos < 0 or size > stop - pos:
                return -1 - i
            out[i, column] = pos
            out[i, column + 1] = pos + size if size >= 0 else -1
            if size > 0:
                pos += size
        out[i, HEADERS_START], out[i, HEADERS_END] = pos, stop
        pos = stop
    return len(out)


def parse(
    data: bytes,
    position: int,
    aborted: Iterator[Aborted] | None = None,
    *,
    check_crc: bool = True,
    where: str = "",
) -> Iterator[Fetched]:
    """The columns of a fetch that was asked for from `position` on.

    Yields once for all batches that read well. `aborted` (sorted by offset) is given when only
    committed records are wanted. A trailing batch that the fetch size cut off is left for the next
    fetch.

    Raises:
        CorruptRecordException: a checksum or a length is wrong; what came before it has been
            yielded.
        UnsupportedCodecError: a compression that Kafka does not have.
    """
    skip = _Skip(aborted) if aborted is not None else None
    pieces: list[Piece] = []
    first, at = position, 0
    try:
        while len(data) - at >= SHORTEST:
            base, length = struct.unpack_from(">qi", data, at)
            if length < SHORTEST - LENGTH_PREFIX:
                raise CorruptRecordException(  # noqa: TRY301 (what came before it is yielded below)
                    f"{where}: impossible length at offset {base}"
                )
            end = at + LENGTH_PREFIX + length
            if end > len(data):
                break
            if data[at + 16] < 2:
                piece, after = _old_format(data[at:end], position, where)
            else:
                piece, after = _batch(data, at, end, base, skip, check_crc, where)
            if piece is not None:
                pieces.append(_from(piece, position))
            position, at = after, end
    except (CorruptRecordException, UnsupportedCodecError):
        if position > first:
            yield _joined(data, pieces, first, position)
        raise
    if position > first:
        yield _joined(data, pieces, first, position)


class _Skip:
    """Which batches are not of committed transactions.

    The broker lists where aborted ones begin.
    """

    def __init__(self, aborted: Iterator[Aborted]) -> None:
        self._aborted = sorted(aborted, key=lambda a: a.first_offset, reverse=True)
        self._open: set[int] = set()

    def __call__(self, base: int, producer_id: int, attributes: int, marker: bytes) -> bool:
        while self._aborted and self._aborted[-1].first_offset <= base:
            self._open.add(self._aborted.pop().producer_id)
        if attributes & _CONTROL:
            if marker == _ABORT_MARKER:
                self._open.discard(producer_id)
            return True
        return bool(attributes & _TRANSACTIONAL) and producer_id in self._open


def _batch(
    data: bytes, at: int, end: int, base: int, skip: _Skip | None, check_crc: bool, where: str
) -> tuple[Piece | None, int]:
    if end - at < HEADER:
        raise CorruptRecordException(
            f"{where}: the batch at offset {base} is shorter than a header"
        )
    (_, _, _, _, crc, attributes, last_delta, time, max_time, producer_id, _, _, count) = (
        _FIELDS.unpack_from(data, at)
    )
    if check_crc and google_crc32c.value(data[at + CRC_FROM : end]) != crc:
        raise CorruptRecordException(f"{where}: wrong checksum in the batch at offset {base}")
    # each record takes at least 7 bytes: a count beyond that is damage, and must not size a buffer
    if count < 0 or last_delta < 0:
        raise CorruptRecordException(f"{where}: impossible counts in the batch at offset {base}")
    after = base + last_delta + 1
    codec_id = attributes & _CODEC
    body, start, stop = data, at + HEADER, end
    if codec_id:
        body = _decompressed(data[start:end], codec_id, base, where)
        start, stop = 0, len(body)
    if count * 7 > stop - start:
        raise CorruptRecordException(f"{where}: impossible counts in the batch at offset {base}")
    columns = np.empty((count, COLUMNS), np.int64)
    append_time = max_time if attributes & _LOG_APPEND_TIME else -1
    read = _walk(np.frombuffer(body, np.uint8), start, stop, base, time, append_time, columns)
    if read != count:
        raise CorruptRecordException(
            f"{where}: record {-1 - read} of the batch at offset {base} runs past its end"
        )
    marker = b""
    if attributes & _CONTROL:
        marker = body[columns[0, KEY_START] + 2 : columns[0, KEY_END]] if count else b""
    dropped = skip(base, producer_id, attributes, marker) if skip else attributes & _CONTROL
    return (None if dropped else (body, columns)), after


def _decompressed(body: bytes, codec_id: int, base: int, where: str) -> bytes:
    decode = _DECODERS.get(codec_id)
    if decode is None:
        raise UnsupportedCodecError(f"{where}: unknown compression {codec_id} at offset {base}")
    try:
        return bytes(decode(body))
    except Exception as error:  # the codecs' own errors differ by library; all mean the same here
        raise CorruptRecordException(
            f"{where}: the batch at offset {base} does not decompress: {error}"
        ) from error


def _old_format(batch: bytes, position: int, where: str) -> tuple[Piece | None, int]:
    parts: list[bytes] = []
    rows: list[list[int]] = []
    size, after = 0, position
    try:
        for record in old_records(batch, _DECODERS):
            row = [record.offset, record.time]
            for part in (record.key, record.value):
                row += [size, size + len(part) if part is not None else -1]
                parts.append(part or b"")
                size += len(parts[-1])
            rows.append([*row, size, size])
            after = max(after, record.offset + 1)
    except (ValueError, struct.error) as error:
        raise CorruptRecordException(f"{where}: at offset {after} or behind: {error}") from error
    if not rows:
        return None, after
    return (b"".join(parts), np.array(rows, np.int64)), after


def _from(piece: Piece, position: int) -> Piece:
    body, columns = piece
    if len(columns) and columns[0, OFFSET] < position:
        columns = columns[columns[:, OFFSET] >= position]
    return body, columns


def _joined(data: bytes, pieces: list[Piece], first: int, after: int) -> Fetched:
    """One buffer and one set of columns; a copy only where something was compressed."""
    if not pieces:
        return Fetched(b"", np.empty((0, COLUMNS), np.int64), first, after)
    if all(body is data for body, _ in pieces):
        parts = [columns for _, columns in pieces]
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Fetched(data, joined, first, after)
    bodies = list({id(body): body for body, _ in pieces}.values())
    starts = dict(
        zip(map(id, bodies), np.cumsum([0, *map(len, bodies[:-1])]).tolist(), strict=True)
    )
    shifted = []
    for body, columns in pieces:
        moved = columns.copy()
        slices = moved[:, KEY_START:]
        slices[slices >= 0] += starts[id(body)]
        shifted.append(moved)
    return Fetched(b"".join(bodies), np.concatenate(shifted), first, after)
