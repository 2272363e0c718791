"""The operational clock: what it counts, and that deadlines are its exact inverse."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.clock.learnt import ASSUMED, learnt_weights, week_ends, week_of
from detectors.clock.reading import days_ahead, elapsed_days, hour_of_week, time_after
from detectors.clock.value import FLAT, HOURS, Clock
from tests.laws.histories import DAY

HOUR = 3600.0
MONDAY = 1_704_067_200.0  # 2024-01-01 0:00 UTC
NINE_TO_FIVE = tuple(float(h // 24 < 5 and 9 <= h % 24 < 17) for h in range(HOURS))


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    """Weekly rhythms with free hours, closed intervals that may touch, and shifts of local time."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    open_share = draw(st.sampled_from([0.02, 0.5, 1.0]))
    weights = rng.choice([0.1, 1.0, 3.0], HOURS) * (rng.random(HOURS) < open_share)
    weights[rng.integers(HOURS)] = 1.0
    edges = sorted(draw(st.sets(st.integers(-40 * 24, 400 * 24), max_size=12)))
    closed = [(MONDAY + HOUR * a, MONDAY + HOUR * b) for a, b in pairwise(edges)]
    closed = [interval for interval in closed if draw(st.booleans())]
    turns = sorted(draw(st.sets(st.integers(-80, 800), max_size=4)))
    offsets = st.sampled_from([-36_000.0, 0.0, 3600.0, 20_700.0])
    return Clock(
        tuple(weights.tolist()),
        draw(offsets),
        tuple((MONDAY + DAY / 2.0 * turn, draw(offsets)) for turn in turns),
        tuple(closed),
    )


times = st.floats(-100.0, 500.0).map(lambda day: MONDAY + DAY * day)
many = settings(max_examples=200)


@many
@given(times, st.floats(0.0, 800.0), st.sampled_from([-36_000.0, 0.0, 3600.0]))
def test_a_flat_clock_counts_plain_days_to_the_last_bit(
    since: float, days: float, offset: float
) -> None:
    clock = Clock(tuple(7.0 for _ in FLAT), offset, ((MONDAY, 0.0),)).record
    until = since + DAY * days
    assert elapsed_days(clock, since, until) == (until - since) / DAY
    assert time_after(clock, since, days) == until
    assert days_ahead(clock, since, days) == days
    assert elapsed_days(clock, until + 1.0, since) == 0.0


@many
@given(clocks(), times, st.floats(0.0, 800.0))
def test_a_deadline_is_reached_when_its_days_have_passed(
    clock: Clock, since: float, days: float
) -> None:
    due = time_after(clock.record, since, days)
    assert due >= since
    assert elapsed_days(clock.record, since, due) == pytest.approx(days, abs=1e-9)


@many
@given(clocks(), times, st.floats(0.0, 800.0))
def test_a_deadline_never_falls_into_closed_time(clock: Clock, since: float, days: float) -> None:
    due = time_after(clock.record, since, days)
    assert not any(begin <= due < end for begin, end in clock.closed)
    if not clock.flat:
        assert clock.weights[hour_of_week(clock.record, due)] > 0.0


@many
@given(clocks(), times, st.floats(0.0, 30.0), st.floats(0.0, 30.0))
def test_silence_never_falls_and_adds_up(
    clock: Clock, since: float, first: float, second: float
) -> None:
    c = clock.record
    middle, end = since + DAY * first, since + DAY * (first + second)
    one, both = elapsed_days(c, since, middle), elapsed_days(c, since, end)
    assert 0.0 <= one <= both
    assert one + elapsed_days(c, middle, end) == pytest.approx(both, abs=1e-9)


@settings(max_examples=40)
@given(clocks(), times, st.floats(0.0, 60.0))
def test_the_clock_counts_what_a_sum_over_minutes_counts(
    clock: Clock, since: float, days: float
) -> None:
    until = since + DAY * days
    ticks = np.linspace(since, until, 4_000)
    step = (until - since) / 4_000
    total = 0.0
    for t in ticks[:-1] + step / 2.0:
        if not any(begin <= t < end for begin, end in clock.closed):
            total += step * clock.weights[hour_of_week(clock.record, float(t))]
    # an hour more or less is cut at each change of weight: bounded by steps times the weights
    changes = 24.0 * days + 2.0 + len(clock.closed) + len(clock.shifts)
    most = max(clock.weights) * step * changes / DAY
    assert elapsed_days(clock.record, since, until) == pytest.approx(total / DAY, abs=most + 1e-3)


def test_a_closed_interval_adds_nothing() -> None:
    weeks = Clock(closed=((MONDAY + 10 * DAY, MONDAY + 31 * DAY),)).record
    assert elapsed_days(weeks, MONDAY + 9 * DAY, MONDAY + 33 * DAY) == pytest.approx(3.0)
    assert elapsed_days(weeks, MONDAY + 12 * DAY, MONDAY + 30 * DAY) == 0.0
    assert time_after(weeks, MONDAY + 9 * DAY, 2.0) == pytest.approx(MONDAY + 32 * DAY)
    assert time_after(weeks, MONDAY + 12 * DAY, 0.0) == MONDAY + 31 * DAY
    assert days_ahead(weeks, MONDAY + 9 * DAY, 60.0) == pytest.approx(39.0)


def test_nights_and_weekends_of_a_shop_add_nothing_and_a_week_is_seven_days() -> None:
    clock = Clock(NINE_TO_FIVE)
    c = clock.record
    assert math.fsum(clock.weights) == pytest.approx(HOURS)
    friday = MONDAY + 4 * DAY + 17 * HOUR
    assert elapsed_days(c, friday, friday + 64 * HOUR) == 0.0
    assert elapsed_days(c, MONDAY, MONDAY + 7 * DAY) == pytest.approx(7.0)
    assert elapsed_days(c, MONDAY + 9 * HOUR, MONDAY + 17 * HOUR) == pytest.approx(7.0 / 5.0)
    assert time_after(c, friday, 0.0) == friday + 64 * HOUR
    assert time_after(c, friday - HOUR, 7.0 / 40.0) == pytest.approx(friday + 64 * HOUR)


def test_hours_are_local_and_follow_summer_time() -> None:
    turn = MONDAY + 90 * DAY
    clock = Clock(NINE_TO_FIVE, 3600.0, ((turn, 7200.0),))
    assert hour_of_week(clock.record, MONDAY) == 1
    assert hour_of_week(clock.record, turn + DAY) == hour_of_week(clock.record, turn - 6 * DAY) + 1
    assert elapsed_days(clock.record, turn - 35 * DAY, turn + 49 * DAY) == pytest.approx(84.0)


@pytest.mark.parametrize("t", [math.inf, -math.inf, math.nan])
def test_what_is_no_time_stays_none(t: float) -> None:
    c = Clock(NINE_TO_FIVE).record
    assert time_after(c, t, 1.0) == t or math.isnan(t)
    assert time_after(c, MONDAY, math.inf) == math.inf


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"weights": (1.0,) * 24}, "weights must be 168"),
        ({"weights": (-1.0, *FLAT[1:])}, r"weights\[0\] must be finite and at least 0, got -1.0"),
        ({"weights": (0.0,) * HOURS}, "weights must not all be 0"),
        ({"offset_seconds": 1e6}, "an offset must be within a day of UTC"),
        ({"shifts": ((2.0, 0.0), (1.0, 0.0))}, "shifts must be in order, got 2.0 before 1.0"),
        ({"closed": ((1.0, 1.0),)}, "a closed interval must end after 1.0, got 1.0"),
        ({"closed": ((1.0, 3.0), (2.0, 4.0))}, "in order and apart, got 2.0"),
        ({"closed": ((1.0, math.inf),)}, "must be finite"),
        ({"closed": tuple((i, i + 0.5) for i in range(3000))}, "a clock holds 2047 closed"),
    ],
)
def test_a_clock_says_what_is_wrong_with_it(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Clock(**wrong)  # type: ignore[arg-type]  # what is wrong is the point


def test_scaled_weights_are_the_same_clock_and_stay_so() -> None:
    one = Clock(NINE_TO_FIVE)
    assert Clock(tuple(5.0 * weight for weight in NINE_TO_FIVE)) == one
    assert Clock(one.weights).weights == one.weights


def test_an_hour_without_a_sale_is_not_free_of_silence_in_a_small_sample() -> None:
    counts = np.array(NINE_TO_FIVE) * 2.0
    weights = np.array(learnt_weights(FLAT, counts))
    assert weights.mean() == pytest.approx(1.0)
    assert weights.min() > 0.5
    many = np.array(learnt_weights(FLAT, 1000.0 * counts))
    assert many.min() == pytest.approx(HOURS * 2.0 / (counts.sum() * 1000.0 + ASSUMED))
    assert learnt_weights(FLAT, np.zeros(HOURS)) == FLAT


def test_where_the_given_clock_is_closed_the_learnt_one_stays_so() -> None:
    given = Clock(NINE_TO_FIVE).weights
    weights = np.array(learnt_weights(given, np.array(NINE_TO_FIVE) * np.arange(HOURS)))
    assert (weights[np.array(NINE_TO_FIVE) == 0.0] == 0.0).all()
    assert learnt_weights(given, np.zeros(HOURS)) == pytest.approx(given)


@given(times, st.sampled_from([-36_000.0, 0.0, 3600.0]))
def test_weeks_end_at_midnight_before_monday_in_local_time(t: float, offset: float) -> None:
    end = week_ends(week_of(t, offset), offset)
    assert t < end <= t + 7 * DAY
    assert hour_of_week(Clock(NINE_TO_FIVE, offset).record, end) == 0
