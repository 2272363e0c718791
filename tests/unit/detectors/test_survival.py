import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.cadence.posterior import predictive
from detectors.cadence.survival import log_density, log_survival, survival_point

DEGREES = [0.1, 0.5, 1.0, 2.0, 3.3, 6.0, 11.06, 101.7, 1e3, 1e4]


@pytest.mark.parametrize("nu", DEGREES)
@pytest.mark.parametrize("z", [1e-3, 0.1, 0.5, 1.0, 1.5, 3.0, 5.0, 10.0, 100.0, 1e5, 1e8])
def test_log_survival_is_scipys_in_both_tails(nu: float, z: float) -> None:
    for side in (z, -z):
        expected = float(stats.t.logsf(side, nu))
        if math.isfinite(expected):  # scipy underflows before the logarithm, far out
            assert log_survival(side, nu) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("nu", DEGREES)
def test_log_density_is_scipys(nu: float) -> None:
    for z in (-30.0, -1.0, 0.0, 0.4, 12.0, 1e6):
        expected = float(stats.t.logpdf(z, nu))
        assert log_density(z, nu) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_log_survival_does_not_underflow_far_out() -> None:
    assert log_survival(1e300, 3.0) == -math.inf or log_survival(1e300, 3.0) < -1_000.0
    assert log_survival(1e9, 40.0) == pytest.approx(40.0 * -math.log(1e9), rel=0.1)
    assert log_survival(math.inf, 3.0) == -math.inf
    assert log_survival(-math.inf, 3.0) == 0.0


@given(st.floats(1.0, 500.0), st.floats(1e-6, 290.0))
def test_survival_point_is_the_inverse(nu: float, depth: float) -> None:
    z = survival_point(-depth, nu)
    assert log_survival(z, nu) == pytest.approx(-depth, rel=1e-8)


def test_survival_point_has_limits() -> None:
    assert survival_point(0.0, 5.0) == -math.inf
    assert survival_point(0.5, 5.0) == -math.inf
    assert survival_point(-math.inf, 5.0) == math.inf
    assert survival_point(-50.0, 0.1) > 1e100


def test_the_posterior_is_that_of_the_textbook() -> None:
    gaps = [1.2, 2.0, 0.7]  # ln days
    m0, k0, a0, b0 = 1.5, 2.0, 3.0, 4.0
    mean = sum(gaps) / 3
    kappa, a = k0 + 3, a0 + 1.5
    spread = sum((gap - mean) ** 2 for gap in gaps)
    b = b0 + 0.5 * spread + 0.5 * k0 * 3 * (mean - m0) ** 2 / kappa
    nu, location, scale = predictive(3.0, sum(gaps), sum(g * g for g in gaps), m0, k0, a0, b0)
    assert nu == 2 * a
    assert location == pytest.approx((k0 * m0 + sum(gaps)) / kappa)
    assert scale == pytest.approx(math.sqrt(b * (kappa + 1) / (a * kappa)))


def test_without_a_gap_of_their_own_a_customer_is_the_population() -> None:
    nu, location, scale = predictive(0.0, 0.0, 0.0, 1.5, 2.0, 3.0, 4.0)
    assert (nu, location) == (6.0, 1.5)
    assert scale == pytest.approx(math.sqrt(4.0 * 3.0 / (3.0 * 2.0)))


def test_gaps_all_alike_leave_the_prior_spread() -> None:
    log_gap = math.log(7.0)
    nu, location, scale = predictive(
        50.0, 50 * log_gap, 50 * log_gap * log_gap, log_gap, 1.0, 3.0, 2.0
    )
    assert location == pytest.approx(log_gap)
    assert scale == pytest.approx(math.sqrt(2.0 * 52.0 / (28.0 * 51.0)), rel=1e-6)
    assert nu == 56.0
