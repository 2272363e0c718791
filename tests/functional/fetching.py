"""Fetches made by hand: what a broker would have sent, without one."""

from collections.abc import Sequence

import numpy as np
import orjson

from streams.kafka.batches import FinishedBatch
from streams.kafka.columns import COLUMNS, Fetched, parse

DAY = 86_400
START = 1_767_225_600  # 2026-01-01


def purchase(customer: str, number: int, day: float, **fields: object) -> dict[str, object]:
    """A purchase `day` days after the start."""
    return {
        "event_id": f"{customer}-p{number}",
        "customer_id": customer,
        "event_time": int((START + day * DAY) * 1000),
        "amount": 10.0,
        "currency": "EUR",
        **fields,
    }


def visit(customer: str, number: int, day: float) -> dict[str, object]:
    """A session `day` days after the start."""
    return {
        "event_id": f"{customer}-v{number}",
        "customer_id": customer,
        "event_time": int((START + day * DAY) * 1000),
        "kind": "session",
    }


def fetch(events: Sequence[dict[str, object] | bytes], first: int = 0) -> Fetched:
    """These events, at offsets from `first` on; bytes go as they are, under the key "c-raw"."""
    parts: list[bytes] = []
    columns = np.empty((len(events), COLUMNS), np.int64)
    size = 0
    for i, event in enumerate(events):
        value = event if isinstance(event, bytes) else orjson.dumps(event)
        key = b"c-raw" if isinstance(event, bytes) else str(event["customer_id"]).encode()
        spans = [size, size + len(key), size + len(key), size + len(key) + len(value)]
        size = spans[-1] + 1
        columns[i] = [first + i, 0, *spans, size - 1, size]
        parts += [key, value, b"\x00"]
    return Fetched(b"".join(parts), columns, first, first + len(events))


def reread(batches: list[FinishedBatch]) -> list[Fetched]:
    """Finished batches as a consumer would read them back."""
    found = []
    for batch in batches:
        batch._set_producer_state(1, 0, 0)
        found += list(parse(bytes(batch._build()), 0))
    return found


def record_fetch(record: bytes) -> Fetched:
    """A partition's own record, as it is read back."""
    data = b"\x00partition" + record
    columns = np.array([[0, 0, 0, 10, 10, len(data), len(data), len(data)]], np.int64)
    return Fetched(data, columns, 0, 1)
