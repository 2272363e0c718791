"""What holds for every history, whatever the profile.

One suite for every detector, so that a new one is held by all of them at once.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.customer import CUSTOMER, Cause
from detectors.engine import advance, apply
from detectors.judgement.episodes import DECISION, Status
from detectors.judgement.reasons import explain
from detectors.judgement.risk import left_logit
from detectors.judgement.schedule import severity_logit
from detectors.judgement.terms import Reason
from detectors.learning.features import EXAMPLE
from detectors.learning.names import FEATURES
from detectors.observations import PaymentStatus, SupportKind, VisitKind
from detectors.profile import Profile
from detectors.signals.change import MOST
from detectors.state import CustomerState
from tests.laws.histories import (
    DAY,
    END,
    STANDING,
    START,
    Event,
    assert_same_state,
    batch_of,
    cut_and_restored,
    in_batches,
    joined,
    live,
    payment,
    purchase,
    support,
    told,
    visit,
    whole,
)
from tests.laws.strategies import any_events, changing_events, law, policies, profiles


@law
@given(any_events(), profiles() | policies(), st.data())
def test_batch_boundaries_and_ticks_never_change_what_is_decided(
    events: list[Event], profile: Profile, data: st.DataObject
) -> None:
    expected_state, expected = whole(events, profile)
    state = CustomerState(profile, capacity=1)

    def in_between(last: float, following: float) -> list[float]:
        return [last, last + 0.3 * (following - last)]

    assert told(state, in_batches(state, events, data, in_between)) == expected
    assert_same_state(state, expected_state)


@law
@given(any_events(), profiles())
def test_other_customers_do_not_matter(events: list[Event], profile: Profile) -> None:
    state, together = whole(events, profile)
    for customer in {event.customer for event in events}:
        alone, apart = whole([event for event in events if event.customer == customer], profile)
        mine = together.of(customer)
        assert (apart.decisions, apart.examples) == (mine.decisions, mine.examples)
        key = customer.encode()
        rows = [one.rows[[one.find(key)]].copy() for one in (alone, state)]
        for row in rows:
            for among_others in (*STANDING, "value_place"):
                row[among_others] = 0
        assert rows[0].tobytes() == rows[1].tobytes()


@law
@given(any_events(), policies())
def test_the_order_in_which_customers_stand_in_memory_does_not_matter(
    events: list[Event], profile: Profile
) -> None:
    one, expected = whole(events, profile)
    other = CustomerState(profile)
    other.locate(*joined([b"ccc", b"bb", b"a"]))
    parts = [apply(other, batch_of(other, events)), advance(other, END)]
    assert told(other, parts) == expected
    assert other.population.tobytes() == one.population.tobytes()


@law
@given(any_events(), profiles() | policies(), st.data())
def test_restored_customers_continue_as_if_nothing_had_happened(
    events: list[Event], profile: Profile, data: st.DataObject
) -> None:
    _, expected = whole(events, profile)
    cut = data.draw(st.integers(0, len(events)))
    assert cut_and_restored(events, profile, cut) == expected


@law
@given(any_events(), profiles() | policies())
def test_a_replay_decides_the_same(events: list[Event], profile: Profile) -> None:
    assert whole(events, profile)[1] == whole(events, profile)[1]


@law
@given(any_events(), profiles() | policies())
def test_what_is_sent_twice_changes_nothing(events: list[Event], profile: Profile) -> None:
    _, expected = whole(events, profile)
    state, again = whole([event for event in events for _ in range(2)], profile)
    assert again == expected
    assert state.population["duplicates"].sum() == len(events)


@law
@given(any_events(), profiles() | policies(), st.sampled_from([1e-3, 7.0, 1e5]))
def test_the_unit_of_money_shifts_the_mean_of_ln_amount_and_changes_nothing_else(
    events: list[Event], profile: Profile, unit: float
) -> None:
    scaled = [replace(event, amount=event.amount * unit) for event in events]
    _, one = live(events, 20_000, profile)
    _, other = live(scaled, 20_000, profile)
    for kept in (name for name in DECISION.names or () if name != "features"):
        assert one.records[kept].tobytes() == other.records[kept].tobytes()
    for kept in STANDING:
        assert one.customers[kept].tobytes() == other.customers[kept].tobytes()
    for kept in (name for name in EXAMPLE.names or () if name != "features"):
        assert one.examples[kept].tobytes() == other.examples[kept].tobytes()
    features_shift_with_the_unit(one.records["features"], other.records["features"], unit)
    features_shift_with_the_unit(one.examples["features"], other.examples["features"], unit)
    for decided in zip(one.records, other.records, one.customers, other.customers, strict=True):
        said, again = (explain(*both, profile) for both in (decided[::2], decided[1::2]))
        assert [without_money(r) for r in said.reasons] == [without_money(r) for r in again.reasons]


def features_shift_with_the_unit(
    one: NDArray[np.float32], other: NDArray[np.float32], unit: float
) -> None:
    """The mean of ln amount shifts by ln unit; the trend of spend is rounded anew."""
    amount, trend = FEATURES.index("log_amount"), FEATURES.index("spend_trend")
    others = [i for i in range(len(FEATURES)) if i not in (amount, trend)]
    assert one[:, others].tobytes() == other[:, others].tobytes()
    np.testing.assert_allclose(other[:, trend], one[:, trend], rtol=1e-4, atol=1e-4)
    # who never paid has no mean: 0 in any unit
    paid = (one[:, amount] != 0.0) | (other[:, amount] != 0.0)
    expected = one[:, amount].astype(np.float64) + np.where(paid, math.log(unit), 0.0)
    np.testing.assert_allclose(other[:, amount], expected, rtol=1e-6, atol=1e-5)


def without_money(reason: Reason) -> Reason:
    """The reason less its amounts of money."""
    if reason.code != "spend_decline":
        return reason
    return msgspec.structs.replace(reason, text="", usual=None, observed=None)


@law
@given(any_events(), profiles())
def test_silence_never_lowers_the_odds_of_having_left(
    events: list[Event], profile: Profile
) -> None:
    state = CustomerState(profile)
    apply(state, batch_of(state, events))
    customers = state.rows.view(np.recarray)
    for row in range(state.size):
        c = customers[row]
        silences = c.applied_until + DAY * np.array([0.0, 0.01, 1.0, 3.0, 10.0, 60.0, 400.0, 4e4])
        logits = [left_logit(c, float(t), profile.record) for t in silences]
        assert all(np.isfinite(logits))
        assert all(late >= early - 1e-9 for early, late in pairwise(logits))


@law
@given(any_events(), profiles())
def test_everything_said_is_a_number(events: list[Event], profile: Profile) -> None:
    _, all_told = live(events, 20_000, profile)
    for name in DECISION.names or ():
        values = all_told.records[name]
        assert name == "resolved_at" or np.all(np.isfinite(values)), name
    for name in EXAMPLE.names or ():
        assert np.all(np.isfinite(all_told.examples[name])), name
    for name in ("risk", "p_alive"):
        assert np.all((all_told.records[name] >= 0.0) & (all_told.records[name] <= 1.0))


@law
@given(any_events(), profiles() | policies())
def test_episodes_open_go_on_and_end_in_order(events: list[Event], profile: Profile) -> None:
    state, all_told = live(events, 20_000, profile)
    for row in range(state.size):
        mine = all_told.records["row"] == row
        records, customers = all_told.records[mine], all_told.customers[mine].view(np.recarray)
        assert np.all(np.diff(records["time"]) >= 0.0)
        anchor, sequence, status = np.nan, 0, int(Status.RESOLVED)
        severity, causes = 0, 0
        ended = (Status.RESOLVED, Status.EXPIRED, Status.SUPPRESSED)
        for record, customer in zip(records, customers, strict=True):
            if record["anchor"] != anchor:
                assert status in ended
                anchor, sequence = float(record["anchor"]), 0
            else:
                assert status != Status.EXPIRED
            sequence += 1
            assert record["sequence"] == sequence
            begins = record["status"] in (Status.OPENED, Status.SUPPRESSED)
            assert begins == (status in ended)
            assert record["opened_at"] <= record["time"]
            if record["status"] == Status.UPDATED and record["severity"] < severity:
                assert causes & ~int(record["causes"])
                logit = math.log1p(-record["p_alive"]) - math.log(record["p_alive"])
                reached = severity_logit(severity, customer, profile.record)
                assert logit < reached - profile.severity_margin + 1e-9
            status, severity = int(record["status"]), int(record["severity"])
            causes = int(record["causes"])


@law
@given(any_events(), profiles())
def test_reasons_and_prior_add_up_to_the_odds_of_having_left(
    events: list[Event], profile: Profile
) -> None:
    _, all_told = live(events, 20_000, profile)
    for record, customer in zip(all_told.records, all_told.customers, strict=True):
        said = explain(record, customer, profile)
        total = record["prior_logit"] + sum(reason.contribution for reason in said.reasons)
        assert math.log1p(-said.p_alive) - math.log(said.p_alive) == pytest.approx(total, abs=1e-9)
        assert all(reason.contribution > 0.0 for reason in said.reasons)


WORSE = [
    (purchase, {"amount": 20.0}, {"amount": 2.0}),
    (payment, {"status": PaymentStatus.PAID}, {"status": PaymentStatus.LATE}),
    (payment, {"status": PaymentStatus.LATE}, {"status": PaymentStatus.CHARGEBACK}),
    (visit, {"kind": VisitKind.CANCELLED, "extra": 1.0}, {"kind": VisitKind.NO_SHOW}),
    (support, {"kind": SupportKind.NPS, "value": 10.0}, {"kind": SupportKind.NPS, "value": 1.0}),
    (support, {"kind": SupportKind.OPENED}, {"kind": SupportKind.COMPLAINT}),
    (
        support,
        {"kind": SupportKind.COMPLAINT, "extra": 2.0},
        {"kind": SupportKind.COMPLAINT, "extra": 4.0},
    ),
    (support, {"kind": SupportKind.RESOLVED}, {"kind": SupportKind.CANCELLATION_REQUEST}),
    (support, {"kind": SupportKind.CSAT, "value": 5.0}, {"kind": SupportKind.UNSUBSCRIBED}),
]


@law
@given(any_events(), profiles(), st.sampled_from(WORSE), st.sampled_from([0.0, 0.6, 9.0, 90.0]))
def test_worse_news_never_lowers_the_odds_of_having_left(
    events: list[Event],
    profile: Profile,
    news: tuple[Callable[..., Event], dict[str, Any], dict[str, Any]],
    days: float,
) -> None:
    make, better, worse = news
    day = max(event.order[0] for event in events) + days
    customer = events[0].customer
    odds = []
    for kind in (better, worse):
        state = CustomerState(profile)
        apply(state, batch_of(state, [*events, make(customer, day, **kind)]))
        row = int(state.locate(*joined([customer.encode()]))[0])
        at = START + (day + 1.0) * DAY
        odds.append(left_logit(state.rows.view(np.recarray)[row], at, profile.record))
    assert odds[1] >= odds[0] - 1e-6


@law
@given(any_events(), profiles())
def test_drifts_and_evidence_are_bounded_whatever_happens(
    events: list[Event], profile: Profile
) -> None:
    state, all_told = live(events, 20_000, profile)
    rows = state.rows[: state.size]
    for name in (
        "visit_drift", "spend_drift", "no_show_drift", "payment_trouble", "complaints",
    ):  # fmt: skip
        assert np.all((rows[name] >= 0.0) & (rows[name] <= MOST)), name
    assert np.all(np.isfinite(rows["visit_quiet"]) & (rows["visit_quiet"] >= 0.0))
    for name in ("payment_logit", "complaint_logit", "spend_logit", "no_show_logit"):
        terms = all_told.records[name]
        assert np.all((terms >= 0.0) & (terms <= profile.evidence_cap)), name


def test_histories_that_change_set_off_every_detector() -> None:
    found = 0

    @settings(law, max_examples=100, database=None)
    @given(changing_events())
    def look(events: list[Event]) -> None:
        nonlocal found
        _, decided = live(events, 20_000, Profile())
        found |= int(np.bitwise_or.reduce(decided.records["causes"], initial=0))

    look()
    every = sum(cause for cause in Cause if cause != Cause.CANCELLATION_REQUEST)
    assert found == every


def test_a_row_fits_its_budget_and_has_no_undefined_byte() -> None:
    assert CUSTOMER.itemsize <= 512
    assert sum(CUSTOMER[name].itemsize for name in CUSTOMER.names or ()) == CUSTOMER.itemsize
