"""The law of gaps: what it adds up to, and what a gap teaches."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from detectors.cadence.law import (
    Law,
    density,
    log_normal_survival,
    log_sum,
    log_survival_of,
    own_norm,
)
from detectors.cadence.posterior import close_gap, purchase_gap, purchase_prior
from detectors.compiled import Row
from detectors.customer import CUSTOMER
from detectors.profile import Profile

MIXED: Law = (9.0, 1.7, 0.6, 0.05, 4.0, 0.8, 0.1, 0.3, 0.2)
PROFILE = Profile(
    gap_location=2.0, gap_location_weight=1.0, gap_shape=5.0, gap_scale=1.0, gap_memory=1.0,
    pause_rate=0.001, pause_location=4.5, pause_spread=0.5, short_share=0.1, short_location=0.0,
    short_spread=0.3,
)  # fmt: skip


def customer(purchases: int = 1) -> Row:
    row = np.zeros(1, CUSTOMER).view(np.recarray)[0]
    row.n_purchases = purchases
    return row


def after(gaps: list[float], profile: Profile = PROFILE) -> Row:
    row, p = customer(), profile.record
    for days in gaps:
        close_gap(row, days, purchase_gap(row, p), p)
        row.n_purchases += 1
    return row


@pytest.mark.parametrize("days", [0.5, 2.0, 6.0, 30.0, 200.0])
def test_survival_is_what_the_densities_leave(days: float) -> None:
    norm = own_norm(MIXED)
    beyond = integrate.quad(
        lambda y: density(y, MIXED, norm) * math.exp(y), math.log(days), 14.0, limit=200
    )[0]
    assert math.exp(log_survival_of(days, MIXED)) == pytest.approx(beyond, rel=1e-5, abs=1e-7)


@given(st.floats(0.01, 3000.0), st.floats(1.0, 3.0))
def test_longer_silence_is_never_likelier(days: float, factor: float) -> None:
    assert log_survival_of(days * factor, MIXED) <= log_survival_of(days, MIXED) <= 0.0


@pytest.mark.parametrize("z", [-8.0, -1.0, 0.0, 3.0, 24.9, 25.1, 40.0])
def test_the_normal_tail_keeps_its_digits(z: float) -> None:
    rel = 2e-5 if z > 25.0 else 1e-9
    assert log_normal_survival(z) == pytest.approx(float(stats.norm.logsf(z)), rel=rel, abs=1e-15)


def test_a_sum_of_nothing_is_nothing() -> None:
    assert log_sum(-math.inf, -math.inf) == -math.inf
    assert log_sum(-math.inf, -3.0) == -3.0
    assert log_sum(800.0, 800.0) == pytest.approx(800.0 + math.log(2.0))


def test_a_pause_and_a_top_up_say_little_about_the_rhythm() -> None:
    steady = after([7.0] * 12)
    disturbed = after([7.0] * 6 + [90.0, 1.0] + [7.0] * 6)
    p = PROFILE.record
    usual, still = purchase_gap(steady, p)[1], purchase_gap(disturbed, p)[1]
    assert still == pytest.approx(usual, abs=0.05)
    assert disturbed.gap_count == pytest.approx(12.0, abs=0.7)
    assert disturbed.pause_count > 0.9
    assert steady.pause_count < 0.1


def test_who_was_often_away_is_expected_to_be_away_again() -> None:
    p = PROFILE.record
    away, steady = after([7.0, 80.0] * 4), after([7.0] * 30)
    assert purchase_gap(away, p)[3] > 2.0 * purchase_gap(steady, p)[3] > 0.0


def test_older_gaps_fade() -> None:
    p = Profile(gap_memory=0.8, gap_location=2.0).record
    fading = after([20.0] * 10 + [5.0] * 10, Profile(gap_memory=0.8, gap_location=2.0))
    assert fading.gap_count < 5.0
    assert math.exp(purchase_gap(fading, p)[1]) < 7.0


def test_the_first_gap_may_be_another_one() -> None:
    shifted = Profile(first_gap_shift=0.5).record
    assert purchase_gap(customer(1), shifted)[1] == Profile().gap_location + 0.5
    assert purchase_gap(customer(2), shifted)[1] == Profile().gap_location


def test_without_pauses_and_top_ups_it_is_the_customers_rhythm_alone() -> None:
    plain = Profile(pause_rate=0.0, short_share=0.0, gap_memory=1.0)
    row = after([3.0, 4.0, 400.0], plain)
    assert row.gap_count == 3.0
    assert row.gap_log_sum == pytest.approx(math.log(3.0 * 4.0 * 400.0))
    assert purchase_gap(row, plain.record)[3] == 0.0


def test_who_keeps_coming_is_surer_to_stay_with_a_greater_power() -> None:
    once, twice = (Profile(dropout_power=power).record for power in (1.0, 2.0))
    loyal = customer(30)
    assert purchase_prior(loyal, twice) < purchase_prior(loyal, once)
    assert purchase_prior(customer(1), once) == pytest.approx(
        math.log(Profile().dropout_a / Profile().dropout_b)
    )
