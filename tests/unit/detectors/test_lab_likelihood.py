from dataclasses import replace

import numpy as np
import pytest

from detectors.lab.histories import Histories
from detectors.lab.likelihood import log_likelihoods
from detectors.profile import Profile
from tests.laws.histories import START

PROFILE = Profile()


@pytest.fixture(scope="module")
def histories() -> Histories:
    rng = np.random.default_rng(8)
    days = np.floor(np.cumsum(rng.lognormal(1.5, 0.9, (40, 25)), axis=1))
    return Histories.of(np.repeat(np.arange(40), 25), days.ravel(), epoch=START)


def test_the_chances_of_all_that_can_follow_a_purchase_are_one(histories: Histories) -> None:
    known = histories.until(30.0)
    last = known.customer[-1]
    begun = float(known.day[known.customer == last][-1])
    total = 0.0
    for gap in range(40):
        followed = Histories.of(
            np.append(known.customer, last),
            np.append(known.day, begun + gap + 0.5),
            known.end + 100.0,
            START,
        )
        total += np.exp(log_likelihoods(followed, PROFILE)[-2])
    silent = Histories.of(known.customer, known.day, begun + 40.0, START)
    assert total + np.exp(log_likelihoods(silent, PROFILE)[-1]) == pytest.approx(1.0, rel=1e-6)


def test_what_is_likely_has_a_greater_likelihood(histories: Histories) -> None:
    absurd = replace(PROFILE, gap_location=5.0, gap_location_weight=50.0)
    fitting = replace(PROFILE, gap_location=1.5)
    assert log_likelihoods(histories, fitting).sum() > log_likelihoods(histories, absurd).sum()
