"""Whoever is erased leaves the others as if they had never come."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.engine import advance, apply
from detectors.erasure import erase
from detectors.profile import Profile
from detectors.state import CustomerState
from tests.laws.histories import END, STANDING, Event, batch_of, told, whole
from tests.laws.strategies import any_events, law, profiles, random_events


def comparable(state: CustomerState) -> dict[bytes, bytes]:
    """Rows without what depends on the others by design: their rank in the partition."""
    rows = state.rows[: state.size].copy()
    for name in (*STANDING, "value_place"):
        rows[name] = 0
    return {state.customer_id(i): rows[i].tobytes() for i in range(state.size)}


@law
@given(any_events(), profiles(), st.data())
def test_the_others_go_on_as_if_the_erased_had_never_come(
    events: list[Event], profile: Profile, data: st.DataObject
) -> None:
    one = data.draw(st.sampled_from(sorted({event.customer for event in events})))
    cut = data.draw(st.integers(0, len(events)))
    others = [event for event in events if event.customer != one]
    state = CustomerState(profile, capacity=1)
    parts = [apply(state, batch_of(state, events[:cut]))]
    before = told(state, parts)
    if (row := state.find(one.encode())) >= 0:
        erase(state, np.array([row]))
    rest = [event for event in events[cut:] if event.customer != one]
    after = told(state, [apply(state, batch_of(state, rest)), advance(state, END)])
    never, expected = whole(others, profile) if others else (CustomerState(profile), None)
    assert comparable(state) == comparable(never)
    for customer in {event.customer for event in others}:
        assert expected is not None
        assert (before.of(customer) + after.of(customer)).decisions == expected.of(
            customer
        ).decisions


@law
@given(random_events(), st.data())
def test_the_index_is_that_of_a_state_that_never_had_them(
    events: list[Event], data: st.DataObject
) -> None:
    state, never = CustomerState(Profile(), capacity=1), CustomerState(Profile(), capacity=1)
    apply(state, batch_of(state, events))
    ids = [state.customer_id(row) for row in range(state.size)]
    gone = data.draw(st.sets(st.sampled_from(range(state.size))))
    left = [row for row in range(state.size) if row not in gone]
    kept = {ids[row]: state.rows[row].tobytes() for row in left}
    moved = erase(state, np.array(sorted(gone), np.int64))
    assert [ids[row] for row in left] == [state.customer_id(int(moved[row])) for row in left]
    assert all(moved[row] == -1 for row in gone)
    assert {ids[row]: state.rows[moved[row]].tobytes() for row in left} == kept
    for row in left:
        assert never.add(ids[row]) == moved[row]
    used = int(never.id_ends[never.size])
    assert state.size == never.size
    assert state.ids[:used].tobytes() == never.ids[:used].tobytes()
    assert not state.ids[used:].any()
    assert state.hashes[: state.size].tolist() == never.hashes[: never.size].tolist()
    assert [state.find(ids[row]) for row in gone] == [-1] * len(gone)
    assert not state.rows[state.size :].view(np.uint8).any()
    for row in sorted(gone):  # and whoever comes again is new
        again, first = state.add(ids[row]), never.add(ids[row])
        assert state.rows[again].tobytes() == never.rows[first].tobytes()


@law
@given(random_events(), profiles())
def test_nobody_is_counted_where_nobody_is_left(events: list[Event], profile: Profile) -> None:
    state, _ = whole(events, profile)
    erase(state, np.arange(state.size))
    population = state.population[0]
    assert state.size == 0
    assert not population["values"].any()
    side = round(len(population["transitions"]) ** 0.5)
    moved = population["transitions"].reshape(side, side)
    assert (moved.sum(axis=0) == moved.sum(axis=1)).all()
