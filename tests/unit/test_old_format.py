"""Messages of formats v0 and v1: read as aiokafka reads them, and refused where damaged."""

import struct
import zlib
from collections.abc import Callable, Mapping

import pytest
from aiokafka import codec
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kafka.old_format import OldRecord, old_records

DECODERS: Mapping[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
}
FORMS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)]  # format, compression
RECORDS: list[tuple[bytes | None, bytes | None]] = [(b"k", b"value"), (None, b""), (b"", None)]


def built(magic: int, compression: int) -> bytes:
    builder = LegacyRecordBatchBuilder(magic, compression, 1 << 20)
    for i, (key, value) in enumerate(RECORDS):
        builder.append(i, 1_700_000_000_000 + i if magic else None, key, value)
    return bytes(builder.build())


def single() -> bytes:
    """A v1 message that is not compressed."""
    (length,) = struct.unpack_from(">i", built(1, 0), 8)
    return built(1, 0)[: 12 + length]


def read(data: bytes) -> list[OldRecord]:
    return list(old_records(data, DECODERS))


def with_right_checksum(message: bytes) -> bytes:
    return message[:12] + struct.pack(">I", zlib.crc32(message[16:])) + message[16:]


@pytest.mark.parametrize(("magic", "compression"), FORMS)
def test_records_are_those_that_aiokafka_finds(magic: int, compression: int) -> None:
    data = built(magic, compression)
    theirs, messages = [], MemoryRecords(data)
    while messages.has_next():
        theirs += [
            (r.offset, -1 if r.timestamp is None else r.timestamp, r.key, r.value)
            for r in messages.next_batch() or ()
        ]
    assert read(data) == theirs
    assert [(r.key, r.value) for r in read(data)] == RECORDS


def test_offsets_in_a_compressed_v1_message_count_up_to_its_own() -> None:
    data = struct.pack(">q", 1_002) + built(1, 1)[8:]
    assert [record.offset for record in read(data)] == [1_000, 1_001, 1_002]


def test_time_of_appending_stands_for_every_record_of_its_message() -> None:
    data = bytearray(built(1, 1))
    data[17] |= 0x08
    data[18:26] = struct.pack(">q", 7)
    assert {record.time for record in read(with_right_checksum(bytes(data)))} == {7}


@settings(max_examples=300)
@given(st.sampled_from(FORMS), st.data())
def test_damage_behind_a_right_checksum_is_an_error_or_other_records(
    form: tuple[int, int], data: st.DataObject
) -> None:
    message = bytearray(built(*form))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(message), len(message) - 1, 20]))
    try:
        found = read(with_right_checksum(bytes(message[:cut])))
    except (ValueError, struct.error):
        return
    assert sum(len(r.key or b"") + len(r.value or b"") for r in found) <= 1 << 20


@pytest.mark.parametrize("size", [-1, -12, -(1 << 31), 0, 13, 1 << 30])
def test_a_length_that_leads_nowhere_is_refused(size: int) -> None:
    message = single()
    damaged = message[:8] + struct.pack(">i", size) + message[12:]
    with pytest.raises(ValueError, match="a message runs past its end"):
        read(damaged)


@pytest.mark.parametrize(
    ("place", "byte", "why"),
    [
        (12, 1, "wrong checksum"),
        (16, 2, "unknown message format 2"),
        (17, 4, "compression 4 in a message of format v1"),
        (17, 1, "it does not decompress"),
    ],
)
def test_what_is_damaged_is_said(place: int, byte: int, why: str) -> None:
    message = bytearray(single())
    message[place] = byte
    with pytest.raises(ValueError, match=why):
        read(bytes(message) if place == 12 else with_right_checksum(bytes(message)))


def test_a_message_that_is_compressed_twice_is_refused() -> None:
    inner = built(1, 1)
    value = codec.gzip_encode(inner)
    body = struct.pack(">bbq", 1, 1, 0) + struct.pack(">ii", -1, len(value)) + value
    outer = struct.pack(">qiI", 0, len(body) + 4, zlib.crc32(body)) + body
    with pytest.raises(ValueError, match="compressed twice"):
        read(outer)
