"""Fetches as a broker sends them: batches of every format and codec, transactions, and damage."""

import random
import struct
import zlib
from typing import NamedTuple

import google_crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder

from benchmarks.fuzz.records import Example, Records
from detectors.observations import Input
from streams.kafka.columns import (
    CRC_FROM,
    HEADER,
    HEADERS_START,
    KEY_START,
    VALUE_START,
    Aborted,
    parse,
)

BATCH_RECORDS = 40
MOST_BATCHES = 4
LEGACY_SHARE = 0.05
_TIME_MS = 1_767_225_600_000
_CONTROL = 0x30  # transactional, and a marker
_MAGIC_AT, _CRC_AT, _ATTRIBUTES_AT, _CODEC = 16, 17, 21, 0x07


class Fetch(NamedTuple):
    """What came in one response, and from where on it was asked for."""

    data: bytes
    position: int
    aborted: list[Aborted]
    check_crc: bool
    damaged: bool


class Fetches:
    """Seeded: the same number gives the same fetches."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 (damage, not secrets)
        self._records = Records(self.random)

    def fetch(self, source: Input) -> Fetch:
        """One of up to four batches, and markers of transactions between them; half are damaged."""
        if self.random.random() < LEGACY_SHARE:
            return self._legacy(source)
        dice, base, open_ = self.random, 0, set[int]()
        parts: list[bytearray] = []
        aborted: list[Aborted] = []
        for _ in range(dice.randint(1, MOST_BATCHES)):
            producer = dice.choice([-1, -1, 1, 2])
            if producer > 0 and producer not in open_:
                open_.add(producer)
                if dice.random() < 0.5:
                    aborted.append(Aborted(producer, base))
            records = [self._records.record(source) for _ in range(BATCH_RECORDS)]
            parts.append(self._batch(records, base, producer))
            base += len(records) + dice.choice([0, 0, 0, 5])  # compaction leaves gaps
            if producer > 0 and dice.random() < 0.7:
                open_.discard(producer)
                parts.append(_marker(base, producer, commit=dice.random() < 0.5))
                base += 1
        position = dice.choice([0, 0, 0, dice.randrange(BATCH_RECORDS)])
        if dice.random() < 0.5:
            return Fetch(b"".join(parts), position, aborted, check_crc=True, damaged=False)
        which = dice.choice(parts)
        self._damage(which)
        if dice.random() < 0.7 and len(which) > CRC_FROM:
            _mend(which)
        checked = dice.random() < 0.8
        return Fetch(b"".join(parts), position, aborted, check_crc=checked, damaged=True)

    def _batch(self, records: list[Example], base: int, producer: int) -> bytearray:
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=self.random.choice([0, 0, 0, 0, 1, 2, 3, 4]),
            is_transactional=int(producer > 0),
            producer_id=producer,
            producer_epoch=0 if producer > 0 else -1,
            base_sequence=-1,
            batch_size=1 << 24,
        )
        for offset, (key, value, headers) in enumerate(records):
            builder.append(offset, _TIME_MS + offset, key, value, headers)
        data = bytearray(builder.build())
        struct.pack_into(">q", data, 0, base)
        return data

    def _legacy(self, source: Input) -> Fetch:
        magic = self.random.randrange(2)
        codec = self.random.randrange(3 + magic)  # LZ4 came with format v1
        builder = LegacyRecordBatchBuilder(magic, codec, 1 << 24)
        for offset in range(BATCH_RECORDS):
            key, value, _ = self._records.record(source)
            builder.append(offset, timestamp=_TIME_MS, key=key, value=value)
        data = bytearray(builder.build())
        damaged = self.random.random() < 0.5
        if damaged:
            self._damage(data)
            if self.random.random() < 0.5 and len(data) > 16:
                struct.pack_into(">I", data, 12, zlib.crc32(data[16:]))
        return Fetch(bytes(data), 0, [], check_crc=True, damaged=damaged)

    def _damage(self, data: bytearray) -> None:
        dice = self.random
        kind = dice.randrange(10)
        if kind >= 5 and (lengths := _lengths(data)):  # where it hurts: before a part of a record
            for _ in range(dice.randint(1, 3)):
                data[dice.choice(lengths)] = dice.choice([0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF])
        elif kind == 0:  # bits, anywhere behind the offset and length
            for _ in range(dice.randint(1, 20)):
                data[dice.randrange(12, len(data))] ^= 1 << dice.randrange(8)
        elif kind == 1:  # cut short, the length saying so or not
            del data[dice.randrange(len(data)) :]
            if dice.random() < 0.7 and len(data) >= 12:
                struct.pack_into(">i", data, 8, len(data) - 12)
        elif kind == 2:  # the batch's own length
            struct.pack_into(">i", data, 8, dice.choice([-1, 0, 13, 14, 48, 49, 2**31 - 1]))
        elif kind == 3 and len(data) >= 61:  # attributes, last offset delta, count
            at, form = dice.choice([(21, ">h"), (23, ">i"), (57, ">i")])
            most = 2 ** (8 * struct.calcsize(form) - 1)
            number = dice.choice([-1, 0, 1, 8, 32, 10_000, most - 1, -most])
            struct.pack_into(form, data, at, max(min(number, most - 1), -most))
        else:  # a length inside: a byte of some record's varints
            for _ in range(dice.randint(1, 5)):
                data[dice.randrange(min(61, len(data) - 1), len(data))] = dice.choice(
                    [0, 1, 0x7F, 0x80, 0xFF]
                )


def _lengths(data: bytearray) -> list[int]:
    """Last bytes of the lengths of records' parts; none if they are compressed."""
    if len(data) < HEADER or data[_MAGIC_AT] < 2 or data[_ATTRIBUTES_AT + 1] & _CODEC:
        return []
    (fetched,) = parse(bytes(data), 0, check_crc=False)
    columns = fetched.columns[:, [KEY_START, VALUE_START, HEADERS_START]]
    return [*(columns.ravel() - 1).tolist(), *columns[:, -1].tolist()]


def _marker(base: int, producer: int, *, commit: bool) -> bytearray:
    """The control batch that ends a transaction."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=1,
        producer_id=producer,
        producer_epoch=0,
        base_sequence=-1,
        batch_size=1 << 10,
    )
    builder.append(0, _TIME_MS, struct.pack(">hh", 0, int(commit)), bytes(6), [])
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    struct.pack_into(">h", data, _ATTRIBUTES_AT, _CONTROL)
    _mend(data)
    return data


def _mend(data: bytearray) -> None:
    struct.pack_into(">I", data, _CRC_AT, google_crc32c.value(bytes(data[CRC_FROM:])))
