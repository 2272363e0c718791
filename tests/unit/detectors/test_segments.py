"""Who is placed where, by recency, frequency and money."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.customer import Segment
from detectors.judgement.ranks import BUCKET_LOG, freeze_ranks
from detectors.judgement.value import (
    confidence,
    currency_code,
    currency_name,
    expected_occasions,
    expected_value,
)
from detectors.observations import PurchaseKind
from detectors.state import BUCKETS, CURRENCIES, MARKS, SEGMENTS
from tests.laws.histories import JPY, SHOP, Event, live, purchase, visit

RANKED = replace(SHOP, value_customers=5)


def weekly(name: str, weeks: int, amount: float = 20.0, start: float = 0.0) -> list[Event]:
    return [
        purchase(name, start + 7.0 * week, amount, event_id=f"{name}-{week}")
        for week in range(weeks)
    ]


def segment_of(events: list[Event], until: float, name: str = "a") -> tuple[Segment, Segment]:
    state, _ = live(events, until, RANKED)
    row = state.rows[state.find(name.encode())]
    return Segment(int(row["segment"])), Segment(int(row["best_segment"]))


@pytest.mark.parametrize(
    ("weeks", "segment"), [(1, "NEWCOMER"), (3, "NEWCOMER"), (4, "REGULAR"), (11, "LOYAL")]
)
def test_repeats_make_a_newcomer_regular_and_loyal(weeks: int, segment: str) -> None:
    assert segment_of(weekly("a", weeks), 7.0 * weeks)[0].name == segment


def test_visits_count_for_who_lives_by_them() -> None:
    lessons = [visit("a", 7.0 * week, event_id=f"l-{week}") for week in range(12)]
    assert segment_of(lessons, 80.0)[0] is Segment.LOYAL


def test_the_most_valuable_tenth_are_vip_once_they_are_regular() -> None:
    others = [event for n in range(12) for event in weekly(f"o-{n}", 12, 20.0 + n)]
    assert segment_of([*others, *weekly("a", 12, 500.0)], 80.0)[0] is Segment.VIP
    assert segment_of([*others, *weekly("a", 3, 5_000.0, 60.0)], 80.0)[0] is Segment.NEWCOMER


def test_who_comes_at_any_time_is_unstable() -> None:
    days = np.cumsum([1, 40, 1, 35, 1, 60, 1, 50, 1, 45, 1, 40, 1, 50])
    events = [purchase("a", float(day), event_id=f"{day}") for day in days]
    assert segment_of(events, float(days[-1]))[0] is Segment.UNSTABLE


def test_who_was_silent_for_many_cycles_sleeps_and_is_remembered_as_what_they_were() -> None:
    assert segment_of(weekly("a", 12), 1_000.0) == (Segment.SLEEPER, Segment.LOYAL)


def test_a_return_wakes_a_sleeper() -> None:
    events = [*weekly("a", 12), purchase("a", 900.0, event_id="back")]
    assert segment_of(events, 900.0)[0] is Segment.LOYAL


def test_every_customer_is_counted_in_one_segment() -> None:
    events = [event for n in range(9) for event in weekly(f"c-{n}", 2 + n, 10.0 + n)]
    state, _ = live(events, 400.0, RANKED)
    moves = state.population["transitions"][0].reshape(SEGMENTS, SEGMENTS)
    assert moves[Segment.UNSEEN].sum() == state.size == 9
    inside = moves.sum(axis=0) - moves.sum(axis=1)
    here = np.bincount(state.rows["segment"][:9], minlength=SEGMENTS)
    assert inside[1:].tolist() == here[1:].tolist()


def test_every_living_customer_is_counted_once_where_their_value_is() -> None:
    events = [event for n in range(30) for event in weekly(f"c-{n}", 6, 10.0 * 1.2**n)]
    state, _ = live(events, 40.0, RANKED)
    assert state.population["values"][0].sum() == 30
    refund = purchase("c-3", 41.0, 1e6, kind=int(PurchaseKind.REFUND), event_id="all of it")
    assert live([*events, refund], 41.0, RANKED)[0].population["values"][0].sum() == 29
    assert live(events, 2_000.0, RANKED)[0].population["values"][0].sum() == 0  # all given up


def test_tenths_are_those_of_the_values_themselves() -> None:
    rng = np.random.default_rng(7)
    amounts = rng.lognormal(3.0, 1.5, 400)
    events = [event for n in range(400) for event in weekly(f"c-{n}", 5, float(amounts[n]))]
    state, _ = live(events, 60.0, RANKED)
    rows = state.rows.view(np.recarray)
    values = np.array([expected_value(rows[n], RANKED.record) for n in range(400)])
    freeze_ranks(state.population.view(np.recarray)[0], RANKED.record)
    marks = state.population["value_marks"][0][:MARKS]
    origin = state.population["value_origins"][0][0]
    for tenth, mark in enumerate(marks.tolist(), start=1):
        exact = np.quantile(values, tenth / 10.0)
        edge = origin * np.exp(BUCKET_LOG * (mark - 0.5 - BUCKETS // 2))
        assert np.log(edge / exact) == pytest.approx(0.0, abs=1.5 * BUCKET_LOG)
    median = state.population["value_medians"][0][0]
    assert np.log(median / np.median(values)) == pytest.approx(0.0, abs=BUCKET_LOG)


def test_values_in_different_currencies_are_ranked_apart() -> None:
    euros = [event for n in range(10) for event in weekly(f"e-{n}", 5, 20.0 + n)]
    yen = [
        purchase(f"j-{n}", 7.0 * week, 150.0 * (20.0 + n), currency=JPY, event_id=f"j-{n}-{week}")
        for n in range(10)
        for week in range(5)
    ]
    state, _ = live([*euros, *yen], 60.0, RANKED)
    assert state.population["value_counted"][0].tolist() == [10, 10, 0, 0]
    tenths = {
        name: int(state.rows[state.find(name.encode())]["value_tenth"])
        for name in ("e-9", "j-9", "e-0", "j-0")
    }
    assert tenths["e-9"] == tenths["j-9"] > tenths["e-0"] == tenths["j-0"]


def test_further_currencies_than_are_told_apart_are_not_ranked() -> None:
    names = ["EUR", "USD", "GBP", "JPY", "CHF"]
    events = [
        purchase(name, 7.0 * week + i / 10, currency=currency_code(name), event_id=f"{name}{week}")
        for i, name in enumerate(names)
        for week in range(5)
    ]
    state, _ = live(events, 40.0, RANKED)
    known = [currency_name(int(code)) for code in state.population["currencies"][0]]
    assert known == names[:CURRENCIES]
    assert state.rows[state.find(b"CHF")]["value_place"] == 0


@pytest.mark.parametrize("a", [0.003, 0.3, 1.0, 2.7])
@pytest.mark.parametrize("b", [0.2, 2.0, 19.0])
def test_occasions_that_take_place_are_the_sum_of_their_chances(a: float, b: float) -> None:
    chance, total = 1.0, 0.0
    for k in range(32):
        chance *= (b + k) / (a + b + k)
        total += chance
    assert expected_occasions(32.0, a, b) == pytest.approx(total, rel=1e-5)


def test_a_newcomer_is_expected_to_come_more_seldom_than_a_loyal_customer() -> None:
    assert expected_occasions(26.0, 0.3, 2.0) < 0.6 * 26.0 < expected_occasions(26.0, 0.3, 40.0)


def test_a_rhythm_is_called_established_from_three_gaps_of_ones_own() -> None:
    assert [confidence(n) for n in (0, 1, 2, 3)] == ["new", "learning", "learning", "established"]
