import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.engine import apply
from detectors.index import hash_slices
from detectors.profile import Profile
from detectors.state import CustomerState
from tests.laws.histories import batch_of, joined, purchase

ids = st.lists(st.binary(min_size=1, max_size=128), min_size=1, max_size=200)


@given(ids)
def test_every_id_has_one_row_and_every_row_its_id(names: list[bytes]) -> None:
    state = CustomerState(Profile(), capacity=1)
    rows = state.locate(*joined(names))
    assert [state.customer_id(int(row)) for row in rows] == names
    assert state.size == len(set(names))
    assert [state.find(name) for name in names] == rows.tolist()
    assert state.locate(*joined(names)).tolist() == rows.tolist()


def test_a_customer_never_seen_has_no_row() -> None:
    state = CustomerState(Profile())
    state.locate(*joined([b"a", b"b"]))
    assert state.find(b"c") == -1
    assert state.find(b"a\0") == -1
    with pytest.raises(IndexError, match="row must be below 2"):
        state.customer_id(2)


def test_rows_survive_growth() -> None:
    state = CustomerState(Profile(), capacity=1)
    apply(state, batch_of(state, [purchase("a", 1.0)]))
    kept = state.rows[0].tobytes()
    state.locate(*joined([b"%d" % number for number in range(5_000)]))
    assert state.rows[state.find(b"a")].tobytes() == kept
    assert len(state.rows) == len(state.dues) >= state.size == 5_001
    assert np.all(np.isinf(state.dues[1 : state.size]))


def test_a_new_row_has_nothing_due() -> None:
    state = CustomerState(Profile())
    row = state.rows[int(state.locate(*joined([b"a"]))[0])]
    assert row["due"] == math.inf
    assert math.isnan(row["last_purchase"])
    assert row["n_purchases"] == 0


def test_dirty_rows_are_taken_once() -> None:
    state = CustomerState(Profile())
    apply(state, batch_of(state, [purchase("a", 1.0), purchase("b", 1.5)]))
    assert state.take_dirty().tolist() == [0, 1]
    assert state.take_dirty().tolist() == []
    apply(state, batch_of(state, [purchase("b", 9.0, event_id="x")]))
    assert state.take_dirty().tolist() == [1]


def test_of_two_restored_rows_of_a_customer_the_last_counts() -> None:
    state = CustomerState(Profile())
    apply(state, batch_of(state, [purchase("a", 1.0)]))
    first = state.rows[:1].copy()
    apply(state, batch_of(state, [purchase("a", 9.0, event_id="x")]))
    second = state.rows[:1].copy()
    other = CustomerState(Profile())
    other.restore(*joined([b"a", b"a"]), np.concatenate([first, second]))
    assert other.rows[0].tobytes() == second[0].tobytes()
    assert other.dues[0] == second["due"][0]
    assert other.take_dirty().size == 0


def test_hashes_depend_on_every_byte_and_on_the_length() -> None:
    names = [b"", b"\0", b"\0\0", b"a", b"b", b"a\0", b"abcdefgh", b"abcdefghi", b"abcdefgi"]
    hashes = hash_slices(*joined(names))
    assert len(set(hashes.tolist())) == len(names)
    assert np.all(hashes != 0)


def test_hashes_are_spread_over_all_bits() -> None:
    hashes = hash_slices(*joined([b"c-%d" % number for number in range(20_000)]))
    for bit in range(64):
        share = float(((hashes >> np.uint64(bit)) & np.uint64(1)).mean())
        assert 0.47 < share < 0.53


def test_a_state_needs_room() -> None:
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        CustomerState(Profile(), capacity=0)
