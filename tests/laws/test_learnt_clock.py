"""What holds where the clock is learnt: a week's clock depends on all customers, but on no batch.

Other customers matter here, and silence may say a little less when a week begins; within a week
both laws hold as they do for a given clock.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.clock.learnt import ASSUMED, WEEKLY_DECAY
from detectors.clock.reading import hour_of_week
from detectors.clock.value import FLAT, Clock
from detectors.customer import WEEK_SECONDS
from detectors.engine import advance, apply
from detectors.judgement.risk import left_logit
from detectors.profile import Profile
from detectors.state import CustomerState
from tests.laws.histories import (
    DAY,
    END,
    START,
    Event,
    assert_same_state,
    batch_of,
    cut_and_restored,
    in_batches,
    purchase,
    told,
    whole,
)
from tests.laws.strategies import GIVEN, WEEKDAYS, law, profiles, random_events


def learning() -> st.SearchStrategy[Profile]:
    """Profiles whose clock learns, from a flat beginning or a given one."""
    return profiles().map(lambda one: replace(one, clock=replace(one.clock, learns=True)))


def when_all_is_said(events: list[Event]) -> float:
    """A time at which nothing is due any more; every further week would be crossed for nothing."""
    profile = Profile()
    days = profile.longest_silence_days + profile.churn_horizon_days + profile.horizon_days
    return START + (events[-1].order[0] + 2.0 * days) * DAY


@law
@given(random_events(), learning(), st.data())
def test_batch_boundaries_and_ticks_never_change_what_is_decided(
    events: list[Event], profile: Profile, data: st.DataObject
) -> None:
    until = when_all_is_said(events)
    expected_state, expected = whole(events, profile, until)
    state = CustomerState(profile, capacity=1)

    def around_the_week_s_end(_last: float, _following: float) -> list[float]:
        return [state.week_ends - 1.0, state.week_ends, state.week_ends + 1.0]

    assert told(state, in_batches(state, events, data, around_the_week_s_end, until)) == expected
    assert_same_state(state, expected_state)


@law
@given(random_events(), learning(), st.data())
def test_restored_customers_and_their_population_continue_as_if_nothing_had_happened(
    events: list[Event], profile: Profile, data: st.DataObject
) -> None:
    until = when_all_is_said(events)
    _, expected = whole(events, profile, until)
    continued = cut_and_restored(events, profile, data.draw(st.integers(0, len(events))), until)
    assert continued.decisions == expected.decisions
    assert continued.examples == expected.examples


@law
@given(random_events(), learning())
def test_within_a_week_silence_never_lowers_the_odds_of_having_left(
    events: list[Event], profile: Profile
) -> None:
    state = CustomerState(profile)
    apply(state, batch_of(state, events))
    state.wind_clock()
    p = state.parameters.view(np.recarray)[0]
    begin = max(START + events[-1].order[0] * DAY, state.week_ends - WEEK_SECONDS)
    for row in range(state.size):
        c = state.rows.view(np.recarray)[row]
        odds = [left_logit(c, t, p) for t in np.linspace(begin, state.week_ends, 40)]
        assert np.all(np.diff(odds) >= -1e-9)


def habit(customers: int, weeks: int, hour: float) -> list[Event]:
    """Everybody buys once a week, at this hour of Tuesday (START is one, 22:13 UTC)."""
    midnight = -(START % DAY) / DAY
    return [
        purchase(
            f"c-{n}", midnight + 7.0 * week + (hour + n / customers) / 24.0, event_id=f"{week}"
        )
        for week in range(1, weeks + 1)
        for n in range(customers)
    ]


def test_the_clock_of_a_week_knows_the_weeks_before_it_and_nothing_of_its_own() -> None:
    profile = replace(Profile(), clock=replace(Profile().clock, learns=True))
    state = CustomerState(profile)
    apply(state, batch_of(state, habit(40, 1, 9.0)))
    assert state.profile_in_effect.clock.flat
    apply(state, batch_of(state, habit(40, 2, 9.0)[40:]))
    learnt = state.profile_in_effect.clock
    tuesday = 24 + 9
    assert learnt.weights[tuesday] == max(learnt.weights)
    assert np.isclose(learnt.weights[tuesday], 168.0 * (40.0 + 2.0) / (40.0 + ASSUMED))
    assert hour_of_week(learnt.record, START - START % DAY + 9.5 * 3600.0) == tuesday
    assert state.population["clock_recent"][0].sum() == 40
    advance(state, state.week_ends)
    assert state.population["clock_recent"][0].sum() == 0
    assert state.population["clock_counts"][0].sum() == 40.0 * WEEKLY_DECAY + 40.0


def test_a_week_with_closed_time_in_it_teaches_nothing_and_takes_nothing_away() -> None:
    midnight = START - START % DAY
    holiday = (midnight + 23.0 * DAY, midnight + 24.0 * DAY)
    profile = replace(Profile(), clock=Clock(closed=(holiday,), learns=True))
    state = CustomerState(profile)
    counts = []
    for week in range(1, 6):
        apply(state, batch_of(state, habit(40, week, 9.0)[-40:]))
        counts.append(float(state.population["clock_counts"][0].sum()))
    two_weeks = 40.0 + WEEKLY_DECAY * 40.0
    assert counts == pytest.approx(
        [0.0, 40.0, two_weeks, two_weeks, 40.0 + WEEKLY_DECAY * two_weeks]
    )


def test_what_is_counted_does_not_depend_on_the_clock() -> None:
    """Two purchases two hours apart: one occasion or two, but two hours of the week."""
    events = [purchase("a", day, event_id=f"{day}") for day in (0.0, 0.5 / 24.0, 2.0 / 24.0)]
    counted = []
    for weights in (FLAT, WEEKDAYS):
        profile = replace(Profile(), clock=Clock(weights, learns=True))
        state = CustomerState(profile)
        apply(state, batch_of(state, events))
        counted.append(state.population["clock_recent"][0].tolist())
    assert counted[0] == counted[1]
    assert sum(counted[0]) == 2


def test_what_falls_due_before_the_week_ends_is_taken_with_its_clock() -> None:
    """Ten weeks of one habit, then a silent customer: all dues lie within later weeks."""
    events = habit(30, 10, 9.0) + [
        event for event in habit(30, 30, 15.0)[300:] if event.customer != "c-0"
    ]
    events = [replace(event, event_id=f"e-{i}") for i, event in enumerate(events)]
    profile = replace(Profile(), clock=replace(Profile().clock, learns=True))
    _, at_once = whole(events, profile)
    state = CustomerState(profile)
    parts = []
    for event in sorted(events, key=lambda one: one.order):
        parts.append(advance(state, START + event.day * DAY))
        parts.append(apply(state, batch_of(state, [event])))
    parts.append(advance(state, END))
    assert told(state, parts) == at_once
    assert at_once.of("c-0").decisions
    assert at_once != whole(events, Profile())[1]


def test_a_clock_that_does_not_learn_counts_nothing() -> None:
    profile = replace(Profile(), clock=GIVEN)
    state, _ = whole(habit(5, 10, 9.0), profile)
    assert state.week_ends == np.inf
    assert not state.population["clock_recent"].any()
    assert not state.population["clock_counts"].any()
    assert state.profile_in_effect is profile
