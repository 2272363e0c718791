"""What holds where inputs are watched for outages: the guard depends on all customers, no batch."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.clock.guard import Guard
from detectors.customer import Cause
from detectors.engine import Decisions, advance, apply
from detectors.judgement.episodes import Status
from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from tests.laws.histories import (
    DAY,
    SHOP,
    START,
    Event,
    assert_same_state,
    batch_of,
    cut_and_restored,
    in_batches,
    joined,
    live,
    named,
    payment,
    purchase,
    told,
    visit,
    whole,
)
from tests.laws.strategies import law, policies, profiles

HOUR = 3600.0
END = START + 130.0 * DAY  # all have been silent for long
WATCHED = Guard(enabled=True, least_daily=4.0)
FIRST = START - START % HOUR  # the hour in which the histories begin


def days(begin: float, end: float) -> tuple[float, float]:
    """An interval in seconds."""
    return START + begin * DAY, START + end * DAY


@st.composite
def interrupted(draw: st.DrawFn) -> list[Event]:
    """A dozen daily customers; an input or two go out after some weeks; some of it comes late."""
    begin = draw(st.sampled_from([24.0, 26.3]))
    length = draw(st.sampled_from([3.0, 8.0, 17.0]))
    out = draw(
        st.sampled_from([(0,), (1,), (0, 1)])  # by Input
    )
    delayed = draw(st.sampled_from([0, 1, 3]))  # of three that were held up, so many come after all
    left = draw(st.sets(st.integers(0, 11), max_size=4))
    visitors = draw(st.sampled_from([0, 6]))  # so many have no purchases, but come
    events = []
    for n in range(12):
        until = 20.0 + n if n in left else 50.0
        for i in range(50):
            day = i + n / 12 + 0.01 * ((7 * i + n) % 5)
            if day > until:
                break
            made = visit if n < visitors else purchase
            event = made(f"c-{n}", day)
            if event.input in out and begin <= day < begin + length:
                if (i + n) % 3 >= delayed:
                    continue
                event = replace(event, late_days=begin + length - day)
            events.append(event)
            if i % 9 == n % 9:
                events.append(payment(f"c-{n}", day + 0.3, 0 if n % 4 else 2))
    return named(events)


def watched() -> st.SearchStrategy[Profile]:
    """Profiles that watch their inputs, some with maintenance within and beside the outages."""
    guards = st.builds(
        Guard,
        enabled=st.sampled_from([True, True, False]),
        least_daily=st.just(4.0),
        longest_days=st.sampled_from([6.0, 14.0]),
        maintenance=st.sampled_from(
            [
                (),
                (days(10.1, 10.2), days(25.0, 29.7)),
                (days(-1.0, 0.5), days(60.0, 61.0)),
            ]
        ),
    )
    learning = st.sampled_from([True, False])

    def with_guard(profile: Profile, guard: Guard, learns: bool) -> Profile:
        return replace(profile, guard=guard, clock=replace(profile.clock, learns=learns))

    return st.builds(with_guard, profiles() | policies(), guards, learning)


@law
@given(interrupted(), watched(), st.data())
def test_batch_boundaries_and_ticks_never_change_what_is_decided(
    events: list[Event], profile: Profile, data: st.DataObject
) -> None:
    expected_state, expected = whole(events, profile, END)
    state = CustomerState(profile, capacity=1)

    def around_hours(last: float, _following: float) -> list[float]:
        hour = last - last % HOUR + HOUR
        return [last, hour - 1.0, hour, hour + 1.0, hour + 30 * HOUR]

    assert told(state, in_batches(state, events, data, around_hours, END)) == expected
    assert_same_state(state, expected_state)


@law
@given(interrupted(), watched(), st.data())
def test_restored_customers_and_their_outages_continue_as_if_nothing_had_happened(
    events: list[Event], profile: Profile, data: st.DataObject
) -> None:
    _, expected = whole(events, profile, END)
    cut = data.draw(st.integers(0, len(events)))
    assert cut_and_restored(events, profile, cut, END) == expected


def shop(days: int, out: tuple[float, float] = (0.0, 0.0), left: int = 3) -> list[Event]:
    """Forty customers, every two days each; the first ones leave after three weeks."""
    return named(
        [
            purchase(f"c-{n}", day)
            for n in range(40)
            for i in range(days // 2)
            if not out[0] <= (day := 2 * i + n / 20 + 0.02 * ((3 * i + n) % 7)) < out[1]
            if n >= left or day < 21.0
        ]
    )


def opened(decisions: Decisions) -> dict[int, float]:
    """Row and day of what was opened for silence."""
    records = decisions.records
    silent = (records["status"] == Status.OPENED) & (records["causes"] & Cause.PURCHASE_SILENCE > 0)
    return {int(one["row"]): (float(one["time"]) - START) / DAY for one in records[silent]}


def test_an_outage_is_no_silence_and_ends_without_a_flood() -> None:
    events = shop(60, out=(30.0, 43.0))
    _, unguarded = live(events, 58.0, SHOP)
    state, guarded = live(events, 58.0, replace(SHOP, guard=WATCHED))
    assert len(opened(unguarded)) > 20
    assert {state.customer_id(row).decode() for row in opened(guarded)} == {"c-0", "c-1", "c-2"}
    ((begin, end),) = state.outages(Input.PURCHASES)
    assert begin == pytest.approx(START + 30.0 * DAY, abs=4 * HOUR)
    assert START + 43.0 * DAY < end < START + 43.5 * DAY
    assert not state.population["guard_out"].any()


def test_what_truly_falls_due_after_an_outage_is_said_once_that_much_later() -> None:
    leaving = [event for event in shop(60, left=0) if event.customer != "c-9" or event.day < 28.0]
    through = [event for event in leaving if not 30.0 <= event.day < 37.0]
    _, usual = live(leaving, 58.0, SHOP)
    state, guarded = live(through, 58.0, replace(SHOP, guard=WATCHED))
    row = state.find(b"c-9")
    ((begin, end),) = state.outages(Input.PURCHASES)
    assert list(opened(guarded)) == [row]
    assert usual.records["time"][usual.records["row"] == row][0] > begin
    later = opened(guarded)[row] - opened(usual)[row]
    assert later == pytest.approx((end - begin) / DAY, abs=1e-6)
    first = guarded.records[guarded.records["row"] == row][0]
    silence = (first["time"] - (end - begin) - state.rows["last_purchase"][row]) / DAY
    assert first["silence_days"] == pytest.approx(silence, abs=1e-6)


def test_without_an_outage_the_guard_changes_nothing() -> None:
    events = shop(120)
    state, guarded = live(events, 118.0, replace(SHOP, guard=WATCHED))
    other, unguarded = live(events, 118.0, SHOP)
    assert told(state, [guarded]) == told(other, [unguarded])
    assert len(opened(guarded)) == 3
    assert all(state.outages(source) == () for source in Input)


def test_planned_maintenance_puts_off_deadlines_that_were_solved_before_it_was_planned() -> None:
    window = days(30.0, 37.0)
    events = shop(23)
    begun = CustomerState(SHOP)
    apply(begun, batch_of(begun, events))
    deadline = float(begun.rows["purchase_deadline"][begun.find(b"c-0")])
    profile = replace(SHOP, guard=Guard(maintenance=(window,)))
    state = CustomerState(profile)
    state.restore(*joined([begun.customer_id(n) for n in range(begun.size)]), begun.rows[:40])
    own = begun.population
    state.restore_population({name: own[name][0].tolist() for name in own.dtype.names or ()})
    assert window[0] < deadline < window[1]
    assert not len(advance(state, window[1]).records)
    advance(state, deadline + 7.0 * DAY - 1.0)
    assert state.rows["sequence"][state.find(b"c-0")] == 0
    advance(state, deadline + 7.0 * DAY + 61.0)
    assert state.rows["opened_at"][state.find(b"c-0")] == pytest.approx(deadline + 7.0 * DAY)


def test_an_input_that_ends_for_good_is_waited_for_so_long_and_no_longer() -> None:
    profile = replace(SHOP, guard=replace(WATCHED, longest_days=10.0))
    state, decided = live(shop(30, left=0), 80.0, profile)
    found = opened(decided)
    assert len(found) == 40
    assert min(found.values()) > 40.0
    assert not state.population["guard_out"].any()


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_an_input_with_few_events_is_not_watched(rate: float) -> None:
    guard = replace(WATCHED, least_daily=25.0)  # the shop has twenty a day
    state, _ = live(shop(60, out=(30.0, 30.0 + 20.0 * rate)), 58.0, replace(SHOP, guard=guard))
    assert state.outages(Input.PURCHASES) == ()
