"""What is said of sixteen rows at once is true of each of them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.blocks import BLOCK, blocks_of, least_due, note_rows
from detectors.engine import advance, apply
from detectors.erasure import erase
from detectors.profile import Profile
from detectors.state import CustomerState
from tests.laws.histories import END, Event, batch_of, restored
from tests.laws.strategies import law, profiles, random_events

times = st.floats(0.0, 100.0, allow_nan=False) | st.just(np.inf)


def assert_blocks_know_their_rows(state: CustomerState) -> None:
    for block in range(blocks_of(state.size)):
        rows = slice(block * BLOCK, min((block + 1) * BLOCK, state.size))
        assert state.earliest[block] <= state.dues[rows].min()


def crowded(events: list[Event]) -> list[Event]:
    """Ten customers for each, so that there are several blocks."""
    return [
        Event(**{**vars(event), "customer": f"{event.customer}-{copy}"})
        for event in events
        for copy in range(10)
    ]


@law
@given(random_events(most=20), profiles(), st.floats(0.0, 1.0))
def test_blocks_know_who_is_due_and_who_has_changed(
    events: list[Event], profile: Profile, part: float
) -> None:
    state = CustomerState(profile, capacity=1)
    everything = crowded(events)
    apply(state, batch_of(state, everything))
    assert_blocks_know_their_rows(state)
    assert state.take_dirty().tolist() == list(range(state.size))
    before = row_bytes(state)
    until = state.dues[: state.size].min() + part * 50 * 86_400.0
    advance(state, until)
    assert_blocks_know_their_rows(state)
    lateness = profile.allowed_lateness_seconds
    assert not (state.dues[: state.size] + lateness < until).any()
    assert state.take_dirty().tolist() == changed(before, row_bytes(state))
    assert_blocks_know_their_rows(state)
    assert_blocks_know_their_rows(restored(state))
    before = row_bytes(state)
    advance(state, until + 50 * 86_400.0)
    keep = [row for row in range(state.size) if row % 3]
    left = changed([before[row] for row in keep], [row_bytes(state)[row] for row in keep])
    erase(state, np.arange(0, state.size, 3))
    assert_blocks_know_their_rows(state)
    assert state.take_dirty().tolist() == left
    advance(state, END)
    assert_blocks_know_their_rows(state)


def row_bytes(state: CustomerState) -> list[bytes]:
    return [state.rows[row].tobytes() for row in range(state.size)]


def changed(before: list[bytes], after: list[bytes]) -> list[int]:
    return [row for row, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]


@settings(deadline=None)  # the first call may compile
@given(st.lists(times, min_size=1, max_size=70), st.data())
def test_the_least_due_is_exact_below_what_is_asked_for(
    before: list[float], data: st.DataObject
) -> None:
    size = len(before)
    dues, earliest = np.array(before), np.full(blocks_of(size), np.inf)
    note_rows(np.arange(size, dtype=np.int32), dues, earliest)
    later = data.draw(st.lists(st.integers(0, size - 1), max_size=size))
    for row in later:
        dues[row] += data.draw(times)  # blocks do not hear of it
    asked, lateness = data.draw(st.floats(0.0, 150.0)), 1.5
    found = least_due(size, dues, earliest, asked, lateness)
    exact = dues.min() + lateness
    assert found == exact if exact < asked else found >= asked
