"""Histories of a few customers, by hand or at random, and what is decided of them.

One module: what makes an event, a batch and a history is used by every law together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.clock.value import FLAT_CLOCK, Clock
from detectors.engine import Decisions, advance, apply
from detectors.index import hash_slices
from detectors.observations import OBSERVATION, Batch, Input
from detectors.profile import Profile
from detectors.state import CustomerState

DAY = 86_400.0
START = 1_700_000_000.0  # day 0
END = START + 20_000 * DAY  # later than anything in a history
EUR, JPY = 0x455552, 0x4A5059
SHOP = Profile(
    # purchases every week or so, without pauses and top-ups
    gap_location=1.7, gap_location_weight=0.95, gap_shape=5.5, gap_scale=3.6, gap_memory=1.0,
    first_gap_shift=0.0, pause_rate=0.0, short_share=0.0,
    dropout_a=0.3, dropout_b=2.0, dropout_power=1.0, alert_cost_days=10.0, gap_delay_days=0.0,
    # visits twice as often
    visit_gap_location=1.0, visit_gap_location_weight=0.95, visit_gap_shape=5.5,
    visit_gap_scale=3.6, visit_dropout_a=0.3, visit_dropout_b=2.0, visit_alert_cost_days=10.0,
    visit_bar=2.5, visit_weight=0.25,
    spend_bar=0.0, spend_weight=0.25, spend_variance=0.2, spend_variance_count=5.0,
    payment_bar=-1.2, payment_weight=0.5, payment_share=0.07, payment_share_count=15.0,
    payment_half_life_days=365.0,
    no_show_bar=0.5, no_show_weight=0.5, missed_share=0.08, missed_share_count=15.0,
    complaint_bar=-1.0, complaint_weight=0.5, complaints_a_year=0.4, complaint_count=1.0,
    complaint_every_days=20.0,
    absences_a_year=1.5, absence_location=3.0, absence_scale=0.4,
    evidence_cap=3.0, cancellation_weight=3.0,
)  # fmt: skip
"""A shop whose numbers are the tests' own: the defaults may be fitted anew beside it."""
# what a row knows of its customer's place among others
STANDING = ("segment", "best_segment", "value_tenth", "suppressed")


law = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@dataclass(frozen=True)
class Event:
    """One observation; days since START. `late_days`: how long after it happened it counts."""

    customer: str
    input: Input
    day: float
    kind: int = 0
    amount: float = np.nan
    value: float = np.nan
    extra: float = np.nan
    late_days: float = 0.0
    currency: int = EUR
    event_id: str | None = None

    @property
    def order(self) -> tuple[float, int]:
        """What batches are sorted by."""
        return (self.day + self.late_days, int(self.input))


def purchase(customer: str, day: float, amount: float = 20.0, **other: Any) -> Event:
    return Event(customer, Input.PURCHASES, day, amount=amount, **other)


def visit(customer: str, day: float, kind: int = 0, **other: Any) -> Event:
    return Event(customer, Input.VISITS, day, kind, **other)


def payment(customer: str, day: float, status: int, **other: Any) -> Event:
    return Event(customer, Input.PAYMENTS, day, status, **other)


def support(customer: str, day: float, kind: int, **other: Any) -> Event:
    return Event(customer, Input.SUPPORT, day, kind, **other)


def joined(texts: list[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """One buffer with the start and end of each text."""
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    starts = ends - np.array([len(text) for text in texts], np.int64)
    return np.frombuffer(b"".join(texts), np.uint8), starts, ends


def batch_of(state: CustomerState, events: list[Event]) -> Batch:
    """The events, in order, as observations of this state's customers."""
    events = sorted(events, key=lambda event: event.order)
    observations = np.zeros(len(events), OBSERVATION)
    names = [event.event_id or f"{i}-{event}" for i, event in enumerate(events)]
    ids, starts, ends = joined([name.encode() for name in names])
    observations["id_hash"] = hash_slices(ids, starts, ends)
    observations["id_start"], observations["id_end"] = starts, ends
    observations["row"] = state.locate(*joined([event.customer.encode() for event in events]))
    for i, event in enumerate(events):
        o = observations[i]
        o["event_time"] = START + event.day * DAY
        o["effective_time"] = START + (event.day + event.late_days) * DAY
        o["input"], o["kind"] = event.input, event.kind
        o["amount"], o["value"], o["extra"] = event.amount, event.value, event.extra
        o["currency"] = event.currency if event.input == Input.PURCHASES else 0
    return Batch(observations, ids)


def named(events: list[Event]) -> list[Event]:
    """The events in order, each with an id of its own, so that they can be split."""
    ordered = sorted(events, key=lambda event: event.order)
    return [replace(event, event_id=event.event_id or f"e-{i}") for i, event in enumerate(ordered)]


@dataclass(frozen=True)
class Told:
    """What was decided and learnt, in order, without row numbers; comparable."""

    decisions: tuple[tuple[Any, ...], ...]
    examples: tuple[tuple[Any, ...], ...]
    standings: tuple[tuple[Any, ...], ...]  # rank, segment and hold beside each decision

    def of(self, customer: str) -> "Told":
        """What is about one customer."""
        return Told(
            tuple(one for one in self.decisions if one[0] == customer),
            tuple(one for one in self.examples if one[0] == customer),
            tuple(one for one in self.standings if one[0] == customer),
        )

    def __add__(self, other: "Told") -> "Told":
        """One after the other, in order."""

        def both(one: tuple[Any, ...], two: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(sorted(one + two, key=lambda fact: (fact[1], fact[0])))

        return Told(
            both(self.decisions, other.decisions),
            both(self.examples, other.examples),
            both(self.standings, other.standings),
        )


def told(state: CustomerState, parts: list[Decisions]) -> Told:
    """All parts together, sorted as each of them is."""

    def flat(
        about: NDArray[np.void], times: NDArray[np.void], time: str, names: tuple[str, ...]
    ) -> tuple[tuple[Any, ...], ...]:
        found = [
            (
                state.customer_id(int(when["row"])).decode(),
                float(when[time]),
                *(one[name].tobytes() for name in names if name != "row"),
            )
            for one, when in zip(about, times, strict=True)
        ]
        return tuple(sorted(found, key=lambda fact: (fact[1], fact[0])))

    records = np.concatenate([part.records for part in parts])
    customers = np.concatenate([part.customers for part in parts])
    examples = np.concatenate([part.examples for part in parts])
    return Told(
        flat(records, records, "time", records.dtype.names or ()),
        flat(examples, examples, "label_time", examples.dtype.names or ()),
        flat(customers, records, "time", STANDING),
    )


def whole(events: list[Event], profile: Profile, until: float = END) -> tuple[CustomerState, Told]:
    """Apply the events in one batch, then advance; what is told of it."""
    state = CustomerState(profile, capacity=1)
    return state, told(state, [apply(state, batch_of(state, events)), advance(state, until)])


def in_batches(
    state: CustomerState,
    events: list[Event],
    data: st.DataObject,
    ticks: Callable[[float, float], list[float]],
    until: float = END,
) -> list[Decisions]:
    """Apply the events in random batches, then advance.

    ticks: from the time of a batch's last event and that of the next one, when time may be advanced
    to in between; some of them are chosen.
    """
    parts: list[Decisions] = []
    position = 0
    while position < len(events):
        end = min(data.draw(st.integers(position + 1, position + 300)), len(events))
        parts.append(apply(state, batch_of(state, events[position:end])))
        last = START + events[end - 1].order[0] * DAY
        following = START + events[end].order[0] * DAY if end < len(events) else until
        chosen = data.draw(st.sets(st.sampled_from([*ticks(last, following), following])))
        parts.extend(advance(state, min(tick, following)) for tick in sorted(chosen))
        position = end
    return [*parts, advance(state, until)]


def restored(before: CustomerState) -> CustomerState:
    """Another state, from what the changelog and the partition's record hold of this one."""
    rows = before.take_dirty()[::-1]
    after = CustomerState(before.profile, capacity=1)
    after.restore(*joined([before.customer_id(int(row)) for row in rows]), before.rows[rows])
    own = before.population
    after.restore_population({name: own[name][0].tolist() for name in own.dtype.names or ()})
    return after


def cut_and_restored(events: list[Event], profile: Profile, cut: int, until: float = END) -> Told:
    """What is told if the state is written and read back after so many events."""
    before = CustomerState(profile, capacity=1)
    begun = told(before, [apply(before, batch_of(before, events[:cut]))])
    after = restored(before)
    assert not after.take_dirty().size
    rest = [apply(after, batch_of(after, events[cut:])), advance(after, until)]
    return begun + told(after, rest)


def assert_same_state(state: CustomerState, other: CustomerState) -> None:
    """Customers, population and what kernels read of the clock and of outages."""
    assert rows_by_id(state) == rows_by_id(other)
    assert state.population.tobytes() == other.population.tobytes()
    for one in (state, other):
        one.wind_clock()
    assert state.parameters.tobytes() == other.parameters.tobytes()


def rows_by_id(state: CustomerState) -> dict[bytes, bytes]:
    return {state.customer_id(row): state.rows[row].tobytes() for row in range(state.size)}


def live(
    events: list[Event], until_day: float, profile: Profile | None = None
) -> tuple[CustomerState, Decisions]:
    """Apply the events in one batch, then advance to a day; the decisions of both, in SHOP."""
    state = CustomerState(profile or SHOP, capacity=2)
    parts = [
        apply(state, batch_of(state, events)),
        advance(state, START + until_day * DAY),
    ]
    return state, Decisions(
        np.concatenate([part.records for part in parts]),
        np.concatenate([part.customers for part in parts]),
        np.concatenate([part.examples for part in parts]),
    )


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
