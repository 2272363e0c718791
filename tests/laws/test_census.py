"""Where customers stand, counted from their rows, is what was said of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.census import CENSUS, Standing, count
from detectors.customer import Episode
from detectors.engine import advance, apply
from detectors.erasure import erase
from detectors.judgement.episodes import Status
from detectors.judgement.leading import CAUSES, leading_causes
from detectors.judgement.reasons import explain_all
from detectors.lab.decided import empty_state, observations
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from detectors.profile import Profile
from detectors.state import CustomerState
from tests.laws.histories import (
    DAY,
    START,
    Event,
    batch_of,
    live,
    purchase,
    visit,
)
from tests.laws.strategies import any_events, law, policies

REASONS = [str(cause.name).lower() for cause in CAUSES]


def counted(state: CustomerState, now: float, portion: int = 1_000_000) -> np.void:
    found = np.zeros(1, CENSUS)
    for first in range(0, max(state.size, 1), portion):
        count(state, first, first + portion, now, found)
    one: np.void = found[0]
    return one


@law
@given(any_events(), policies(), st.sampled_from([0.0, 30.0, 400.0]), st.integers(1, 4))
def test_every_customer_stands_somewhere_and_the_churned_are_those_who_did_not_return(
    events: list[Event], profile: Profile, later: float, portion: int
) -> None:
    state, _ = live(events, events[-1].order[0] + later, profile)
    now = START + (events[-1].order[0] + later) * DAY
    whole, parts = counted(state, now), counted(state, now, portion)
    assert whole.tobytes() == parts.tobytes()
    standing, population = whole["standing"], state.population[0]
    assert standing.sum() == state.size
    assert standing[Standing.CHURNED] == population["churned"] - population["reactivated"]
    assert whole["at_risk"].sum() == standing[Standing.AT_RISK]
    said = population["decisions"]
    announced = said[Status.OPENED] - said[Status.RESOLVED] - said[Status.EXPIRED]
    assert standing[Standing.AT_RISK] == announced
    assert said[Status.EXPIRED] <= population["churned"]
    assert population["churned_seconds"] >= 0


def test_a_customer_is_given_up_once_and_comes_back_once() -> None:
    weekly = [purchase("a", 7.0 * i) for i in range(12)]
    state, decided = live(weekly, 500.0)
    population = state.population[0]
    assert decided.records["status"].tolist()[-1] == Status.EXPIRED
    assert (population["churned"], population["reactivated"]) == (1, 0)
    assert population["churned_seconds"] == 77 * 86_400
    apply(state, batch_of(state, [visit("a", 510.0), purchase("a", 520.0), purchase("a", 521.0)]))
    population = state.population[0]
    assert (population["churned"], population["reactivated"]) == (1, 1)
    assert state.rows["episode"][0] != Episode.EXPIRED


def test_value_at_risk_is_what_the_open_alerts_say() -> None:
    events = [
        purchase(name, 7.0 * i, amount, currency=currency)
        for i in range(12)
        for name, amount, currency in (("a", 20.0, 0x455552), ("b", 5.0, 0x4A5059))
    ]
    state, decided = live(events, 120.0)
    last = {int(d["row"]): i for i, d in enumerate(decided.records)}
    about = sorted(last.values())
    said = explain_all(decided.records[about], decided.customers[about], state.profile)
    assert len(said) == 2
    found = counted(state, START + 120.0 * DAY)
    by_currency = found["value"].sum(axis=(0, 1))
    assert by_currency[:2] == pytest.approx([one.value_at_risk for one in said], abs=0.01)
    assert not by_currency[2:].any()
    assert found["at_risk"][:, 0].sum() == 2  # both by the silence of their purchases


def test_whoever_is_erased_is_counted_no_more() -> None:
    state, _ = live([purchase(name, 7.0 * i) for i in range(12) for name in ("a", "b")], 120.0)
    erase(state, np.array([0]))
    assert counted(state, START + 120.0 * DAY)["standing"].tolist() == [0, 1, 0, 0]


def test_who_was_seen_by_nobody_stands_nowhere() -> None:
    state = CustomerState(Profile())
    state.add(b"waiting")
    assert not counted(state, START)["standing"].any()
    advance(state, START)


def test_the_leading_cause_is_the_first_of_the_reasons_that_is_a_cause() -> None:
    state = empty_state(300, profile := Profile())
    simulation = Simulation(Scenario(customers=300, days=300, seed=5, drifting=0.6))
    compared = set()
    for events in simulation.events():
        decided = apply(state, observations(events))
        said = explain_all(decided.records, decided.customers, profile)
        leading = leading_causes(decided.records).tolist()
        for record, cause, one in zip(decided.records, leading, said, strict=True):
            active = {REASONS[i] for i, c in enumerate(CAUSES) if int(record["causes"]) & c}
            if active & {"visit_silence", "visit_drift"}:
                continue  # visits speak once, by the word that fits: as silent, or as rarer
            reasons = [reason.code for reason in one.reasons if reason.code in active]
            if reasons and record["status"] != Status.RESOLVED:
                assert REASONS[cause] == reasons[0]
                compared.add(reasons[0])
    assert len(compared) >= 4
