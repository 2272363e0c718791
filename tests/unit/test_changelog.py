"""What a fetch of the changelog holds comes back, however it is mixed."""

import struct

import numpy as np
import pytest

from detectors.customer import CUSTOMER, LAYOUT_VERSION
from detectors.engine import apply
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.changelog import Layout, prefix
from streams.errors import StateError
from streams.kafka.batches import row_batches
from streams.kafka.columns import Fetched, parse
from streams.partition import changelog
from streams.partition.changelog import AT_ONCE, PREFIX, ChangelogWriter, restore, row_bytes
from streams.partition.digest import digest_of
from streams.partition.layouts import current
from tests.laws.histories import batch_of, purchase

OLDER = LAYOUT_VERSION + 1000  # a number that no layout has


def lived(names: list[str], day: float = 1.0) -> CustomerState:
    state = CustomerState(Profile())
    apply(state, batch_of(state, [purchase(name, day) for name in names]))
    return state


def written(state: CustomerState, head: bytes = PREFIX, offset: int = 0) -> bytes:
    rows = np.arange(state.size, dtype=np.int32)
    values = row_bytes(state)[: state.size]
    (batch,) = row_batches(rows, *state.ids_of(rows), head, values, 0)
    return struct.pack(">q", offset) + bytes(batch)[8:]


def fetched(data: bytes) -> Fetched:
    (one,) = parse(data, 0, check_crc=False)
    return one


def rows_of(state: CustomerState) -> dict[bytes, bytes]:
    return {state.customer_id(row): state.rows[row].tobytes() for row in range(state.size)}


def test_rows_of_two_layouts_in_one_fetch_are_both_read(monkeypatch: pytest.MonkeyPatch) -> None:
    older = Layout(OLDER, CUSTOMER.itemsize, current().fields)
    monkeypatch.setattr(changelog, "frozen_layout", lambda _: older)
    changelog.layout_dtype.cache_clear()
    now, before = lived(["a", "b"]), lived(["c", "b"], 9.0)
    state = CustomerState(Profile())
    result = restore(state, fetched(written(now) + written(before, prefix(OLDER), 2)))
    assert result.older
    expected = rows_of(now) | rows_of(before)  # of two rows of a customer the last counts
    assert rows_of(state) == expected
    again = CustomerState(Profile())
    assert restore(again, fetched(written(before, prefix(OLDER)))).older
    assert rows_of(again) == rows_of(before)
    changelog.layout_dtype.cache_clear()


def test_a_row_of_another_length_among_good_ones_is_refused() -> None:
    state = lived(["a", "b"])
    data = written(state) + written(lived(["c"]), PREFIX + bytes(8), 2)
    with pytest.raises(StateError, match=r"488 bytes are not a row of layout"):
        restore(CustomerState(Profile()), fetched(data))


def test_what_is_written_in_several_batches_comes_back_with_its_digest() -> None:
    state = lived([f"{'long-' * (n % 20)}c-{n}" for n in range(2 * AT_ONCE + 7)])
    writer = ChangelogWriter(CustomerState(Profile()))
    assert (writer.customers, writer.digest) == (0, digest_of(0))
    writer = ChangelogWriter(state)
    before = writer.digest
    batches = writer.batches(0)
    assert sum(batch.record_count() for batch in batches) == state.size
    assert max(batch.size() for batch in batches) < 1_048_588  # what a broker takes
    assert writer.digest == before  # the same rows, one by one
    assert writer.batches(0) == []
    other = CustomerState(Profile())
    for batch in batches:
        restore(other, fetched(bytes(batch)))
    assert rows_of(other) == rows_of(state)
    assert ChangelogWriter(other).digest == writer.digest
    assert other.take_dirty().size == 0
