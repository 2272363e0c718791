"""What is counted as a false alert, and the price that a budget has."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.customer import DAY_SECONDS
from detectors.judgement.episodes import DECISION, Status
from detectors.lab.budget import (
    PRICES,
    Signs,
    Span,
    alerts_opened,
    count,
    expected,
    find_price,
    own_silences,
    priced,
)
from detectors.profile import Profile


def signs(days: Mapping[int, list[float]], customers: int) -> Signs:
    pairs = [(who, day) for who, all_days in days.items() for day in all_days]
    who, when = np.array(pairs, np.float64).T
    return Signs.of(who.astype(np.int64)[::-1], when[::-1] * DAY_SECONDS, customers)


def opened(*alerts: tuple[int, float]) -> NDArray[np.void]:
    records = np.zeros(len(alerts), DECISION)
    for record, (row, day) in zip(records, alerts, strict=True):
        record["row"], record["time"], record["status"] = row, day * DAY_SECONDS, Status.OPENED
    return records


def span(begin: float, until: float, end: float) -> Span:
    return Span(begin * DAY_SECONDS, until * DAY_SECONDS, end * DAY_SECONDS)


DAYS: dict[int, list[float]] = {0: [0, 10, 20, 90], 1: [5, 15, 25]}


def test_an_alert_is_false_if_its_customer_comes_back_before_the_end_of_the_span() -> None:
    alerts = opened((0, 40), (1, 45), (1, 60), (0, 70))
    counted = count(alerts, signs(DAYS, 3), span(0, 65, 100))
    assert counted.opened.tolist() == [1, 2, 0]
    assert counted.false.tolist() == [1, 0, 0]
    assert counted.living_days.tolist() == [65, 20, 0]
    blind = count(alerts, signs(DAYS, 3), span(0, 65, 80))
    assert blind.false.tolist() == [0, 0, 0]
    assert blind.living_days.tolist() == [20, 20, 0]


def test_what_comes_from_the_end_of_a_span_on_changes_nothing() -> None:
    alerts = opened((0, 40), (1, 45))
    later: dict[int, list[float]] = {**DAYS, 2: [81, 82], 1: [*DAYS[1], 99]}
    one = count(alerts, signs(DAYS, 3), span(10, 65, 80))
    other = count(alerts, signs(later, 3), span(10, 65, 80))
    for some, same in zip(one[:5], other[:5], strict=True):
        assert np.asarray(some).tobytes() == np.asarray(same).tobytes()


def test_a_silence_is_told_in_the_gaps_that_the_customer_had_before_it() -> None:
    who, when = np.array([0, 0, 1, 2]), np.array([40.0, 95.0, 15.0, 50.0]) * DAY_SECONDS
    gaps, silence = own_silences(who, when, signs(DAYS, 3))
    assert gaps.tolist() == [2, 3, 1, 0]
    assert silence[:3].tolist() == [2.0, 5.0 / 30.0, 0.0]
    assert np.isnan(silence[3])


def test_expected_figures_are_the_sums_over_customers() -> None:
    counted = count(opened((0, 40), (1, 45)), signs(DAYS, 3), span(0, 65, 100))
    figures = expected(counted, 20)
    assert figures.false_a_living_year[0] == pytest.approx(365.25 / 85)
    assert figures.false_a_year[0] == pytest.approx(365.25 / 65)
    assert figures.alerts_a_day[0] == pytest.approx(2 / 65)
    assert figures.false_ratio[0] == 0.5
    assert figures.silence_gaps[0] == 2.0
    assert all(drawn.shape == (21,) for drawn in figures)


def test_where_nothing_was_opened_there_is_nothing_to_tell() -> None:
    figures = expected(count(opened(), signs(DAYS, 3), span(0, 65, 100)), 5)
    assert (figures.alerts_a_day == 0.0).all()
    assert np.isnan(figures.false_ratio).all()
    assert np.isnan(figures.silence_gaps).all()


def test_only_what_opens_an_alert_is_one() -> None:
    records = np.zeros(5, DECISION)
    records["status"] = list(Status)
    assert alerts_opened(records).tolist() == [True, False, False, False, False]


def test_the_price_found_is_the_least_that_keeps_to_the_budget() -> None:
    asked: list[float] = []

    def rate(price: float) -> float:
        asked.append(price)
        return 20.0 / (1.0 + price)

    found = find_price(rate, 1.0)
    assert found.price == PRICES[np.searchsorted(PRICES, 19.0)]
    assert found.rate == rate(found.price) <= 1.0
    assert len(asked) <= 14


@pytest.mark.parametrize(("budget", "rate"), [(0.5, 0.6), (50.0, 20.0)])
def test_a_budget_that_no_price_or_every_price_meets_has_none(budget: float, rate: float) -> None:
    found = find_price(lambda _: rate, budget)
    assert np.isnan(found.price)
    assert (found.cheapest, found.dearest) == (rate, rate)


def test_the_price_of_visits_changes_in_the_same_ratio() -> None:
    profile = replace(Profile(), alert_cost_days=10.0, visit_alert_cost_days=4.0)
    changed = priced(profile, 25.0)
    assert (changed.alert_cost_days, changed.visit_alert_cost_days) == (25.0, 10.0)
    assert replace(changed, alert_cost_days=10.0, visit_alert_cost_days=4.0) == profile
