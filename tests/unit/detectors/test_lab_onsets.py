import numpy as np
import pytest

from detectors.lab.evaluate import draws
from detectors.lab.onsets import Said, Truth, onsets_at_budget, score, weighted_median

TRUTH = Truth(np.array([100.0, 150.0, np.inf, 190.0]), begin=50.0, end=250.0, follow=80.0)


def said(*rows: tuple[int, float, bool]) -> Said:
    customers, days, opened = zip(*rows, strict=True)
    return Said(np.array(customers), np.array(days), np.array(opened))


EARLY = said(
    (0, 60, True), (0, 90, True), (0, 110, False), (2, 40, True), (2, 70, True), (1, 159, True)
)
LATE = said((0, 130, True), (1, 240, True))


def test_what_is_said_before_the_onset_is_false_and_the_first_after_it_is_the_delay() -> None:
    counted = score([EARLY, LATE], TRUTH)
    assert counted.false.tolist() == [[2, 0], [0, 0], [1, 0], [0, 0]]
    assert counted.delay[:2].tolist() == [[10, 30], [9, 90]]
    assert np.isinf(counted.delay[2:]).all()


def test_who_has_too_little_time_after_the_onset_is_left_out() -> None:
    assert TRUTH.drifted.tolist() == [True, True, False, False]
    assert TRUTH.living_days.tolist() == [50, 100, 200, 140]


def test_median_and_share_found_are_taken_between_the_settings_around_the_budget() -> None:
    counted = score([EARLY, LATE], TRUTH)
    budget = 1.5 / (490 / 365.25)
    found = onsets_at_budget(counted, TRUTH, budget, draws(4, 0))
    assert found.setting[0] == pytest.approx(0.5)
    assert found.median_days[0] == pytest.approx((9 + 30) / 2)
    assert found.found_ratio[0] == pytest.approx((1.0 + 0.5) / 2)


def test_a_weighted_median_is_that_of_customers_drawn_more_than_once() -> None:
    rng = np.random.default_rng(1)
    values, weights = rng.random(31), rng.integers(0, 3, (1, 31)).astype(float)
    drawn = np.sort(np.repeat(values, weights[0].astype(int)))
    assert weighted_median(values, weights)[0] == drawn[(drawn.size - 1) // 2]
