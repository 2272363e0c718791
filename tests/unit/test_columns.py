"""Bytes to columns, held against aiokafka's own writer and reader."""

import struct
from collections.abc import Iterator
from typing import Any

import google_crc32c
import numpy as np
import pytest
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kafka import columns
from streams.kafka.columns import Aborted, Fetched, parse

Record = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]

RECORDS: list[Record] = [
    (0, 1000, b"a", b'{"x": 1}', []),
    (1, 1005, None, b"", [("h", b"v"), ("n", None)]),
    (2, 990, b"", None, []),
    (3, 1 << 41, "ü".encode(), b"z" * 300, [("long", b"y" * 200)]),
]


def batch(
    records: list[Record] = RECORDS, *, base: int = 0, codec: int = 0, **producer: Any
) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=producer.get("transactional", 0),
        producer_id=producer.get("producer_id", -1),
        producer_epoch=producer.get("epoch", -1),
        base_sequence=0,
        batch_size=1 << 20,
    )
    for offset, time, key, value, headers in records:
        assert builder.append(offset, time, key, value, headers)
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    return bytes(data)


def control(base: int, producer_id: int, *, commit: bool) -> bytes:
    key = struct.pack(">hh", 0, int(commit))
    data = bytearray(batch([(0, 0, key, b"\0\0\0\0\0\0", [])], base=base, producer_id=producer_id))
    struct.pack_into(">h", data, 21, 0x30)
    struct.pack_into(">I", data, 17, google_crc32c.value(bytes(data[21:])))
    return bytes(data)


def one(fetches: Iterator[Fetched]) -> Fetched:
    found = list(fetches)
    assert len(found) == 1
    return found[0]


def cut(fetched: Fetched, row: Any, start: int) -> bytes | None:
    return None if row[start + 1] < 0 else fetched.data[row[start] : row[start + 1]]


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
def test_every_codec_gives_the_records_that_were_written(codec: int) -> None:
    fetched = one(parse(batch(base=7, codec=codec), 7))
    assert (fetched.first, fetched.after) == (7, 11)
    for row, (offset, time, key, value, headers) in zip(fetched.columns, RECORDS, strict=True):
        assert row[columns.OFFSET] == offset + 7
        assert row[columns.TIME] == time
        assert cut(fetched, row, columns.KEY_START) == key
        assert cut(fetched, row, columns.VALUE_START) == value
        block = cut(fetched, row, columns.HEADERS_START)
        assert block is not None
        assert block[0] == 2 * len(headers)


def test_batches_of_different_codecs_share_one_fetch() -> None:
    data = b"".join(batch(base=4 * i, codec=codec) for i, codec in enumerate([0, 4, 0, 1]))
    fetched = one(parse(data, 0))
    assert fetched.after == 16
    assert [cut(fetched, row, columns.VALUE_START) for row in fetched.columns] == [
        record[3] for record in RECORDS
    ] * 4


def test_what_lies_before_the_wanted_position_is_left_out() -> None:
    fetched = one(parse(batch(base=10), 12))
    assert fetched.columns[:, columns.OFFSET].tolist() == [12, 13]
    assert (fetched.first, fetched.after) == (12, 14)


def test_a_batch_that_the_fetch_cut_off_waits_for_the_next_one() -> None:
    whole, half = batch(base=0), batch(base=4)[:-5]
    fetched = one(parse(whole + half, 0))
    assert fetched.after == 4
    assert list(parse(half, 4)) == []


@pytest.mark.parametrize("magic", [0, 1])
def test_logs_from_before_kafka_0_11_are_read_too(magic: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
    for offset in range(3):
        builder.append(offset, timestamp=1000 + offset, key=b"k", value=b"v%d" % offset)
    fetched = one(parse(bytes(builder.build()), 0))
    assert fetched.after == 3
    assert [cut(fetched, row, columns.VALUE_START) for row in fetched.columns] == [
        b"v0",
        b"v1",
        b"v2",
    ]


def test_control_records_are_skipped_and_still_move_the_position() -> None:
    data = batch(base=0, producer_id=5, transactional=1) + control(4, 5, commit=True)
    fetched = one(parse(data, 0, iter([])))
    assert len(fetched.columns) == 4
    assert fetched.after == 5
    only_control = one(parse(control(5, 5, commit=True), 5, iter([])))
    assert len(only_control.columns) == 0
    assert (only_control.first, only_control.after) == (5, 6)


def test_aborted_transactions_are_skipped_and_later_ones_of_the_same_producer_are_not() -> None:
    data = (
        batch(base=0, producer_id=5, transactional=1)
        + batch(base=4, producer_id=6, transactional=1)
        + control(8, 5, commit=False)
        + batch(base=9, producer_id=5, transactional=1)
        + batch(base=13)
    )
    fetched = one(parse(data, 0, iter([Aborted(5, 0)])))
    assert fetched.columns[:, columns.OFFSET].tolist() == [*range(4, 8), *range(9, 17)]
    everything = one(parse(data, 0))
    assert everything.columns[:, columns.OFFSET].tolist() == [*range(8), *range(9, 17)]


def test_log_append_time_stands_for_every_record_of_its_batch() -> None:
    data = bytearray(batch())
    struct.pack_into(">h", data, 21, 0x08)
    struct.pack_into(">q", data, 35, 777)
    struct.pack_into(">I", data, 17, google_crc32c.value(bytes(data[21:])))
    assert one(parse(bytes(data), 0)).columns[:, columns.TIME].tolist() == [777] * 4


def test_good_batches_before_a_corrupt_one_are_delivered_first() -> None:
    bad = bytearray(batch(base=4))
    bad[-3] ^= 1
    fetches = parse(batch(base=0) + bytes(bad), 0, where="purchases[0]")
    assert next(fetches).after == 4
    with pytest.raises(CorruptRecordException, match=r"purchases\[0\].*offset 4"):
        next(fetches)


@settings(max_examples=300)
@given(
    st.sampled_from([0, 1, 2, 3, 4]),
    st.lists(st.tuples(st.integers(8, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damage_is_an_error_or_harmless_and_no_slice_leaves_the_buffer(
    codec: int, damage: list[tuple[int, int]]
) -> None:
    data = bytearray(batch(codec=codec))
    for at, byte in damage:
        data[8 + at % (len(data) - 8)] = byte
    try:
        fetches = list(parse(bytes(data), 0, check_crc=False))
    except (CorruptRecordException, UnsupportedCodecError):
        return
    for fetched in fetches:
        slices = fetched.columns[:, columns.KEY_START :]
        assert (slices >= -1).all()
        assert (slices <= len(fetched.data)).all()


@settings(max_examples=200)
@given(st.binary(min_size=0, max_size=400))
def test_any_bytes_behind_a_header_are_an_error_or_records(body: bytes) -> None:
    header = struct.pack(">qiibIhiqqqhii", 0, 49 + len(body), 0, 2, 0, 0, 3, 0, 0, -1, -1, -1, 4)
    try:
        fetches = list(parse(header + body, 0, check_crc=False))
    except CorruptRecordException:
        return
    assert all(np.all(f.columns[:, columns.KEY_START :] <= len(f.data)) for f in fetches)
