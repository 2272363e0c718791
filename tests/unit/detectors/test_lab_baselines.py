from math import exp, factorial

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, gamma

from benchmarks.quality.data import CDNOW, cdnow_sample
from detectors.lab.baselines import PurchaseModel, fit_bgnbd, fit_mbgcnbd, log_likelihood
from detectors.lab.histories import Histories, Summaries

SAMPLE = CDNOW.with_name("CDNOW_sample.txt")


def known(x: float, recency: float, tenure: float, log_gaps: float = 0.0) -> Summaries:
    return Summaries(
        np.zeros(1, np.int64), *(np.array([v]) for v in (x, recency, tenure, log_gaps))
    )


def left_and_none(m: PurchaseModel, x: int, t_x: float, t: float, h: float) -> tuple[float, float]:
    """P(left) and P(no purchase in h), integrated over the rate and the chance of leaving."""
    rates, chances = gamma(m.r, scale=1.0 / m.alpha), beta(m.a, m.b)
    stays = x + 1 if m.modified else x  # how often the customer could have left

    def silent(rate: float, s: float) -> float:
        return sum((rate * s) ** i / factorial(i) for i in range(m.k)) * exp(-rate * s)

    def bought(rate: float) -> float:
        return float(rate ** (m.k * x) * exp(-rate * t_x) * rates.pdf(rate))

    stayed = quad(lambda p: (1 - p) ** stays * chances.pdf(p), 0, 1)[0]
    left = quad(lambda p: p * (1 - p) ** (stays - 1) * chances.pdf(p), 0, 1)[0]
    alive, still = (
        stayed * quad(lambda rate, s=s: bought(rate) * silent(rate, s), 0, 3, limit=400)[0]
        for s in (t - t_x, t - t_x + h)
    )
    gone = left * quad(bought, 0, 3, limit=400)[0]
    return gone / (gone + alive), (gone + still) / (gone + alive)


@pytest.mark.parametrize(
    "model",
    [
        PurchaseModel(1, False, 0.9, 8.0, 1.3, 2.5),
        PurchaseModel(1, True, 0.9, 8.0, 1.3, 2.5),
        PurchaseModel(3, True, 1.1, 4.0, 1.2, 3.0),
    ],
)
def test_closed_forms_are_the_integrals_that_they_stand_for(model: PurchaseModel) -> None:
    at = known(3, 20.0, 31.0)
    left, none = left_and_none(model, 3, 20.0, 31.0, 15.0)
    assert 1 / (1 + np.exp(-model.left_log_odds(at)))[0] == pytest.approx(left, rel=1e-6)
    assert model.p_no_purchase(at, 15.0)[0] == pytest.approx(none, rel=1e-6)


def test_the_silence_that_reaches_a_level_has_that_level() -> None:
    model = PurchaseModel(2, True, 1.1, 4.0, 1.2, 3.0)
    x, recency, levels = np.array([2.0, 9.0]), np.array([10.0, 100.0]), np.array([-1.0, 0.0, 2.0])
    silences = model.silence_reaching(x, recency, levels)
    for i in range(2):
        for j, level in enumerate(levels):
            reached = model.left_log_odds(known(x[i], recency[i], recency[i] + silences[i, j]))
            assert reached[0] == pytest.approx(level, abs=1e-3)
    doubted = model.silence_doubting(x, recency, 30.0, levels)
    for i in range(2):
        for j, level in enumerate(levels):
            chance = model.p_no_purchase(known(x[i], recency[i], recency[i] + doubted[i, j]), 30.0)
            assert chance[0] == pytest.approx(1 / (1 + np.exp(-level)), abs=1e-3)


def test_who_has_not_come_back_yet_has_not_left_in_bgnbd() -> None:
    model = PurchaseModel(1, False, 0.9, 8.0, 1.3, 2.5)
    assert model.left_log_odds(known(0, 0.0, 500.0))[0] == -np.inf


def test_fits_find_what_the_purchases_were_drawn_from() -> None:
    rng = np.random.default_rng(5)
    n, truth = 4000, (0.8, 12.0, 0.8, 2.4)
    rates = rng.gamma(truth[0], 1 / truth[1], n)
    leaving = rng.beta(truth[2], truth[3], n)
    customers, days = [], []
    for i in range(n):
        day = 0.0
        while day <= 300.0:
            customers.append(i)
            days.append(day)
            if len(customers) > 1 and customers[-2] == i and rng.random() < leaving[i]:
                break
            day += rng.exponential(1 / rates[i])
    summaries = Histories.of(np.array(customers), np.array(days), 300.0).summaries()
    fitted = fit_bgnbd(summaries)
    assert (fitted.r, fitted.alpha) == pytest.approx(truth[:2], rel=0.1)
    assert (fitted.a, fitted.b) == pytest.approx(truth[2:], rel=0.25)
    assert fitted.log_likelihood == pytest.approx(log_likelihood(fitted, summaries))
    assert fit_mbgcnbd(summaries, (1, 2)).k == 1


def test_bgnbd_on_the_published_sample_gives_the_published_parameters() -> None:
    """Fader, Hardie & Lee 2005, table 2: 2,357 customers, 39 weeks; the unit is a week."""
    assert SAMPLE.exists(), f"needs {SAMPLE}, which `make {CDNOW}` (and `make test`) brings"
    calibration = cdnow_sample(SAMPLE).until(272.0).summaries(272.0)
    weekly = calibration._replace(
        recency=calibration.recency / 7.0, tenure=calibration.tenure / 7.0
    )
    fitted = fit_bgnbd(weekly)
    found = [fitted.r, fitted.alpha, fitted.a, fitted.b]
    assert found == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=1e-3)
    assert fitted.log_likelihood == pytest.approx(-9582.4, abs=0.1)
