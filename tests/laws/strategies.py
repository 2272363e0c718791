"""Histories and profiles at random, for laws that hold for all of them."""

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from detectors.clock.value import FLAT_CLOCK, Clock
from detectors.observations import Input
from detectors.profile import Profile
from tests.laws.histories import (
    DAY,
    EUR,
    JPY,
    START,
    Event,
    named,
    payment,
    purchase,
    support,
    visit,
)

law = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)

KINDS = {Input.PURCHASES: 5, Input.VISITS: 8, Input.PAYMENTS: 6, Input.SUPPORT: 8}


@st.composite
def random_events(draw: st.DrawFn, most: int = 60) -> list[Event]:
    """A random history: bursts, rhythms and long silences; late, absent and odd values."""
    day = 0.0
    events = []
    steps = st.sampled_from([0.0, 0.0001, 0.02, 0.3, 1.0, 2.5, 7.0, 20.0, 75.0, 240.0])
    for i in range(draw(st.integers(1, most))):
        day += draw(steps)
        source = draw(st.sampled_from([*Input, Input.PURCHASES, Input.VISITS]))
        events.append(
            Event(
                customer=draw(st.sampled_from(["a", "bb", "ccc"])),
                input=source,
                day=day - (late := draw(st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.5, 9.0, 200.0]))),
                kind=draw(st.integers(0, KINDS[source] - 1)),
                amount=draw(st.sampled_from([np.nan, 0.0, 0.01, 7.5, 20.0, 3e9])),
                value=draw(st.sampled_from([np.nan, 0.0, 2.0, 6.0, 10.0])),
                extra=draw(st.sampled_from([np.nan, 0.0, 1.0, 3.0, 4.0])),
                late_days=late,
                currency=draw(st.sampled_from([EUR, EUR, EUR, JPY])),
                event_id=f"e-{i}",
            )
        )
    return sorted(events, key=lambda event: event.order)


WEEKDAYS = tuple(float(hour // 24 < 5 and 8 <= hour % 24 < 19) for hour in range(168))
GIVEN = Clock(
    WEEKDAYS,
    offset_seconds=3600.0,
    shifts=((START + 120 * DAY, 7200.0),),
    closed=((START + 5 * DAY, START + 6 * DAY), (START + 30 * DAY, START + 51 * DAY)),
)
"""Weekdays from 8 to 19, a day and three weeks closed, and summer time."""


@st.composite
def changing_events(draw: st.DrawFn) -> list[Event]:
    """A customer with steady habits in all streams, of which some change for the worse at once.

    Random histories rarely say enough of one stream; these set off every change detector.
    """
    gap = draw(st.sampled_from([3.0, 7.0, 14.0]))
    weeks = draw(st.integers(8, 16))
    turn = gap * weeks
    changes = ["visits", "gone", "spend", "payments", "bookings", "bookings and spend"]
    worse = draw(st.sampled_from([*changes, ""]))
    angry = draw(st.integers(0, 4))
    stays = draw(st.integers(0, 8))
    late = st.sampled_from([0.0, 0.0, 0.0, 0.4, 30.0])
    events = []
    for i in range(weeks + stays):
        day, changed = gap * i, i >= weeks
        amount = draw(st.sampled_from([18.0, 20.0, 23.0])) * (
            0.2 if changed and "spend" in worse else 1
        )
        events.append(purchase("a", day, amount, late_days=draw(late)))
        failed = changed and "payments" in worse
        status = draw(st.sampled_from([1, 2, 4])) if failed else 0
        events.append(payment("a", day + 0.3 * gap, status))
        for step in range(3):
            if changed and ("gone" in worse or ("visits" in worse and (3 * i + step) % 4)):
                continue
            missed = changed and "bookings" in worse
            kind = draw(st.sampled_from([3, 4])) if missed else 2
            events.append(visit("a", day + gap * step / 3, kind, late_days=draw(late)))
    events += [support("a", turn + 4.0 * i, 1, extra=3.0) for i in range(angry)]
    return named(events)


def any_events() -> st.SearchStrategy[list[Event]]:
    """Histories of both kinds."""
    return random_events() | changing_events()


def profiles() -> st.SearchStrategy[Profile]:
    """Profiles that differ in what moves decisions most."""
    return st.builds(
        Profile,
        alert_cost_days=st.sampled_from([0.5, 10.0, 300.0]),
        visit_alert_cost_days=st.sampled_from([0.5, 10.0]),
        horizon_days=st.sampled_from([7.0, 60.0]),
        churn_horizon_days=st.sampled_from([20.0, 180.0]),
        allowed_lateness_seconds=st.sampled_from([0.0, 60.0, 90_000.0]),
        dropout_a=st.sampled_from([0.01, 0.3, 3.0]),
        occasion_seconds=st.sampled_from([60.0, 43_200.0]),
        clock=st.sampled_from([FLAT_CLOCK, FLAT_CLOCK, GIVEN]),
    )


def policies() -> st.SearchStrategy[Profile]:
    """Profiles under which the customers of a partition matter to each other."""
    return st.builds(
        Profile,
        allowed_lateness_seconds=st.sampled_from([0.0, 60.0, 90_000.0]),
        churn_horizon_days=st.sampled_from([20.0, 180.0]),
        alert_cost_days=st.sampled_from([0.5, 10.0]),
        horizon_days=st.sampled_from([7.0, 60.0]),
        value_customers=st.sampled_from([1.0, 2.0]),
        severity_margin=st.sampled_from([0.0, 0.5]),
        sleeper_cycles=st.sampled_from([0.5, 6.0]),
        win_back_medians=st.sampled_from([0.0, 0.5, 1.0, 1.5]),
        cooldown_days=st.sampled_from([0.0, 1.0, 45.0]),
        alert_budget=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    )
