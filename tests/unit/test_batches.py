"""Rows to record batches, read back by aiokafka's own reader and by ours."""

import numpy as np
from aiokafka.record.memory_records import MemoryRecords

from streams.kafka import batches
from streams.kafka.columns import KEY_END, KEY_START, VALUE_END, VALUE_START, parse


def state(customers: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ids = [b"customer-%d" % i for i in range(customers)]
    ends = np.cumsum([0, *map(len, ids)])
    values = (
        np.arange(customers * width, dtype=np.uint64).astype(np.uint8).reshape(customers, width)
    )
    return np.frombuffer(b"".join(ids), np.uint8), ends, values


def test_rows_come_back_under_their_ids() -> None:
    keys, ends, values = state(1000, 200)
    rows = np.array([3, 5, 999], np.int32)
    (batch,) = batches.row_batches(rows, keys, ends, b"\x01\x00\x07", values[rows], 1234)
    batch._set_producer_state(42, 1, 0)
    data = bytes(batch._build())
    records = list(MemoryRecords(data).next_batch())
    assert [r.key for r in records] == [b"customer-3", b"customer-5", b"customer-999"]
    assert [r.value for r in records] == [b"\x01\x00\x07" + values[i].tobytes() for i in rows]
    assert {r.timestamp for r in records} == {1234}
    (fetched,) = parse(data, 0)
    for row, i in zip(fetched.columns, rows, strict=True):
        assert fetched.data[row[KEY_START] : row[KEY_END]] == b"customer-%d" % i
        assert fetched.data[row[VALUE_START] + 3 : row[VALUE_END]] == values[i].tobytes()


def test_no_batch_is_larger_than_a_broker_takes() -> None:
    keys, ends, values = state(9000, 500)
    rows = np.arange(9000, dtype=np.int32)
    found = list(batches.row_batches(rows, keys, ends, b"p", values, 0))
    assert sum(batch.record_count() for batch in found) == 9000
    assert max(batch.size() for batch in found) <= 1_048_588
    assert len(found) == 5
