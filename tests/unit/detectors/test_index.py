"""The table finds every customer, whatever their hashes are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.index import FREE, fill_slots, locate_all, row_bits, row_in, slots_for
from tests.laws.histories import joined

HASHES = (0, 1, 2**32 - 1, 2**32, 2**64 - 1)  # one first slot and one mark for all customers


@pytest.mark.parametrize("hashed", HASHES)
@given(names=st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=60))
def test_customers_with_the_same_hash_have_rows_of_their_own(
    hashed: int, names: list[bytes]
) -> None:
    capacity = len(set(names))  # full to the last row
    slots, bits = np.full(slots_for(capacity), FREE), row_bits(capacity)
    hashes, ids = np.zeros(capacity, np.uint64), np.zeros(400, np.uint8)
    id_ends, rows = np.zeros(capacity + 1, np.int32), np.empty(len(names), np.int32)
    same = np.full(len(names), hashed, np.uint64)
    keys = joined(names)
    size, position = locate_all(
        slots, bits, hashes, ids, id_ends, 0, *keys, same, rows, 0
    )  # fmt: skip
    assert (size, position) == (capacity, len(names))
    seen = list(dict.fromkeys(names))
    assert [seen[row] for row in rows] == names
    again = np.empty_like(rows)
    fresh = np.full_like(slots, FREE)
    fill_slots(fresh, bits, hashes, size)
    for table in (slots, fresh):
        again[:] = -1
        assert locate_all(
            table, bits, hashes, ids, id_ends, size, *keys, same, again, 0
        ) == (size, len(names))  # fmt: skip
        assert again.tolist() == rows.tolist()


@pytest.mark.parametrize("capacity", [1, 2, 3, 4, 1023, 1024, 1025])
def test_a_table_built_anew_holds_every_row_once(capacity: int) -> None:
    hashes = np.random.default_rng(capacity).integers(0, 2**64, capacity, np.uint64)
    slots = np.full(slots_for(capacity), FREE)
    fill_slots(slots, row_bits(capacity), hashes, capacity)
    found = [row_in(slots, slot, row_bits(capacity)) for slot in range(len(slots))]
    assert sorted(row for row in found if row >= 0) == list(range(capacity))
