"""Histories of a few customers, by hand, and what is decided of them; at random: `strategies`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

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
