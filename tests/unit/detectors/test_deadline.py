import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import integrate, stats

from detectors.cadence.deadline import STRIDE, rule_d, silence_reaching
from detectors.cadence.law import Law, density, log_survival_of, own_norm
from detectors.cadence.survival import log_density

laws = st.tuples(st.floats(2.0, 200.0), st.floats(-2.0, 5.0), st.floats(0.05, 2.5))

mixtures = st.tuples(
    st.floats(2.0, 200.0), st.floats(-1.0, 4.0), st.floats(0.05, 1.5),
    st.floats(0.0, 0.3), st.floats(2.0, 6.0), st.floats(0.3, 1.5),
    st.floats(0.0, 0.3), st.floats(-2.0, 1.0), st.floats(0.1, 0.6),
)  # fmt: skip


def rhythm(nu: float, location: float, scale: float) -> Law:
    """A rhythm alone, without pauses and top-ups."""
    return nu, location, scale, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0


def log_gap_density(days: float, nu: float, location: float, scale: float) -> float:
    y = math.log(days)
    return log_density((y - location) / scale, nu) - math.log(scale) - y


@given(laws, st.floats(-25.0, 0.0))
def test_the_density_falls_to_the_bar_at_the_deadline(
    law: tuple[float, float, float], log_bar: float
) -> None:
    nu, location, scale = law
    usual = math.exp(location)
    days = rule_d(rhythm(nu, location, scale), math.exp(log_bar), 730.0)
    assert days <= 730.0
    if usual < 730.0 and log_gap_density(usual, *law) <= log_bar:
        assert days == pytest.approx(usual)
    elif days < 730.0:
        assert days >= usual
        assert log_gap_density(days, *law) == pytest.approx(log_bar, abs=1e-6)
    else:
        assert log_gap_density(730.0, *law) >= log_bar or usual >= 730.0


def test_the_deadline_minimises_delay_and_false_alerts_together() -> None:
    nu, location, scale, odds, cost = 9.0, math.log(10.0), 0.5, 0.1, 60.0
    law = stats.t(nu, location, scale)

    def loss(days: float) -> float:
        """E[delay] + cost * P(false alert), up to a factor: churned wait, living are alerted."""
        return odds * days + cost * float(law.sf(math.log(days)))

    days = rule_d(rhythm(nu, location, scale), odds / cost, 730.0)
    around = np.linspace(days / 3, days * 3, 4_000)
    best = around[np.argmin([loss(d) for d in around])]
    assert days == pytest.approx(best, rel=2e-3)
    assert integrate.quad(lambda s: math.exp(log_gap_density(s, nu, location, scale)), 0, 5e3)[
        0
    ] == pytest.approx(1.0, abs=1e-3)


def test_more_evidence_and_cheaper_alerts_bring_the_deadline_forward() -> None:
    bars = np.exp(np.linspace(-14.0, -2.0, 30))
    days = [rule_d(rhythm(11.0, 2.0, 0.6), float(bar), 730.0) for bar in bars]
    assert all(np.diff(days) <= 0.0)
    assert days[0] > 2 * days[-1]


def test_no_silence_is_waited_for_longer_than_allowed() -> None:
    assert rule_d(rhythm(11.0, math.log(365.0), 0.3), 1e-13, 730.0) == 730.0
    assert rule_d(rhythm(11.0, math.log(3_650.0), 0.1), 1e-13, 730.0) == 730.0
    assert rule_d(rhythm(11.0, 2.0, 0.6), 0.0, 730.0) == 730.0


@given(mixtures, st.floats(-18.0, -1.0))
@example((11.0, 2.0, 0.6, 1.0, 4.0, 0.5, 0.0, 0.0, 0.3), -6.0)
def test_pauses_and_top_ups_put_the_deadline_off_to_the_first_day_below_the_bar(
    law: Law, log_bar: float
) -> None:
    bar = math.exp(log_bar)
    days = rule_d(law, bar, 730.0)
    usual, norm = math.exp(law[1]), own_norm(law)
    assert usual * (1 - 1e-9) <= days <= 730.0
    before = np.arange(law[1], math.log(days), STRIDE / 40)
    below = [density(float(y), law, norm) <= bar * (1 - 1e-4) for y in before]
    # a dip below the bar that is shorter than a stride may be passed over
    assert "1" * 41 not in "".join("01"[dip] for dip in below)
    if days < 729.0:
        assert density(math.log(days) + 1e-5, law, norm) <= bar * (1 + 1e-6)
    if usual * (1 + 1e-9) < days < 729.0:
        assert density(math.log(days) - 1e-5, law, norm) >= bar * (1 - 1e-6)


@given(st.one_of(mixtures, laws.map(lambda law: rhythm(*law))), st.floats(0.01, 30.0))
@example((2.0, 1.0, 0.0625, 2.220446049250313e-16, 2.0, 1.0, 0.0, 0.0, 0.5), 1.0)
def test_silence_reaches_the_wanted_log_odds_when_it_is_said_to(law: Law, depth: float) -> None:
    days = silence_reaching(law, -depth)
    if 0.0 < days < math.inf:
        assert log_survival_of(days, law) == pytest.approx(-depth, rel=1e-4)


def test_odds_reached_before_any_silence_are_reached_at_once() -> None:
    assert silence_reaching(rhythm(11.0, 2.0, 0.6), 0.3) == 0.0
    assert silence_reaching(rhythm(11.0, 2.0, 0.6), -math.inf) == math.inf
