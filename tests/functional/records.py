"""Fetches of records made by hand, for the tests of reading."""

import json
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.dead_letters import Headers
from streams.kafka.columns import COLUMNS, Fetched
from streams.partition.ingest import Ingested, ingest

FIRST = 1_000  # the fetch's first offset
LATEST = 1_800_000_000.0
PURCHASE = {
    "event_id": "e-1",
    "customer_id": "c-81",
    "event_time": "2026-02-09T17:41:05Z",
    "amount": 39.9,
    "currency": "EUR",
}


class Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012 (never written to)


def fetched(records: Sequence[Record]) -> Fetched:
    """The columns that a walk over these records' bytes would give."""
    data = bytearray(b"\xff\xff")  # a fetch does not begin with a record's key
    columns = np.zeros((len(records), COLUMNS), np.int64)
    for i, record in enumerate(records):
        row = [FIRST + 2 * i, 0]  # compaction and transactions leave gaps between offsets
        for part in (record.key, record.value, _block(record.headers)):
            row += [len(data), -1 if part is None else len(data) + len(part)]
            data += part or b""
        columns[i] = row
    return Fetched(bytes(data), columns, FIRST, FIRST + 2 * len(records))


def _block(headers: Headers) -> bytes:
    out = _varint(len(headers))
    for name, value in headers:
        out += _varint(len(name.encode())) + name.encode()
        out += _varint(-1) if value is None else _varint(len(value)) + value
    return out


def _varint(number: int) -> bytes:
    zigzag, out = (number << 1) ^ (number >> 63), b""
    while zigzag >= 128:
        out, zigzag = out + struct.pack("B", zigzag & 127 | 128), zigzag >> 7
    return out + struct.pack("B", zigzag)


def read_all(
    records: Sequence[Record], source: Input = Input.PURCHASES, latest: float | None = LATEST
) -> tuple[Ingested, CustomerState]:
    state = CustomerState(Profile())
    return ingest(source, fetched(records), state, latest_allowed=latest), state


def record(**changes: Any) -> Record:
    event = PURCHASE | changes
    return Record(str(event["customer_id"]).encode(), json.dumps(event).encode())
