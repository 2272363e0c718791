"""The fit finds what a history was made with, and says when there is too little of it."""

import numpy as np
import pytest

from detectors.lab.fit import LEAST_GAPS, Likelihood, fit
from detectors.lab.histories import Histories
from detectors.profile import Profile

PROFILE = Profile()


def shop(customers: int, location: float, *, leaving: float, seed: int = 3) -> Histories:
    """Half a year of customers with a median gap of e^location days, who leave with a chance."""
    rng = np.random.default_rng(seed)
    usual = rng.normal(location, 0.5, (customers, 1))
    gaps = np.exp(rng.normal(usual, 0.4, (customers, 120)))
    stays = np.cumprod(rng.random((customers, 120)) >= leaving, axis=1).astype(bool)
    days = np.cumsum(np.where(stays, gaps, np.inf), axis=1) + rng.uniform(0, 30, (customers, 1))
    kept = days < 182.0
    return Histories.of(np.nonzero(kept)[0], days[kept], 182.0)


def test_the_fit_finds_the_usual_gap_and_who_stays() -> None:
    weekly = fit(shop(150, 2.0, leaving=0.0))
    monthly = fit(shop(150, 3.2, leaving=0.15))
    assert weekly.gap_location == pytest.approx(2.0, abs=0.15)
    assert monthly.gap_location == pytest.approx(3.2, abs=0.35)
    few, many = (p.dropout_a / (p.dropout_b + 3) ** p.dropout_power for p in (weekly, monthly))
    assert few < 0.03
    assert 0.08 < many < 0.3


def test_the_fit_is_likelier_than_where_it_began_and_the_same_each_time() -> None:
    histories = shop(150, 2.5, leaving=0.05)
    likelihood = Likelihood(histories)
    start = Profile()
    found = fit(histories, start)
    assert likelihood(found) > likelihood(start)
    assert fit(histories, start) == found
    assert found.alert_cost_days == start.alert_cost_days


def test_whole_days_are_taken_for_intervals() -> None:
    histories = shop(200, 2.0, leaving=0.02)
    whole = Histories.of(histories.customer, np.floor(histories.day), 182.0)
    assert fit(whole).gap_location == pytest.approx(fit(histories).gap_location, abs=0.1)


def test_too_few_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match=f"0 closed gaps.*at least {LEAST_GAPS}"):
        fit(Histories.of(np.arange(50), np.zeros(50), 182.0))


def test_who_has_long_been_a_customer_does_not_say_how_newcomers_stay() -> None:
    """Of customers whose early purchases are not known, it has to be known how many they were."""
    histories = shop(150, 2.0, leaving=0.0)
    one_by_one = Likelihood(histories)
    assert one_by_one(PROFILE) == Likelihood(histories, np.zeros(150, np.int64))(PROFILE)
    assert Likelihood(histories, np.full(150, 50))(PROFILE) > one_by_one(PROFILE)


def test_a_fit_ends_when_it_is_told_to() -> None:
    calls = iter(range(5))

    def going_on() -> None:
        if next(calls, None) is None:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        fit(shop(150, 2.0, leaving=0.0), going_on=going_on)
