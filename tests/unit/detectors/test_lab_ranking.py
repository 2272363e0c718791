import numpy as np
import pytest

from detectors.lab.ranking import auc, calibration, cross_fitted, log_loss

RNG = np.random.default_rng(3)
SCORES = RNG.integers(0, 20, 400) / 20.0
LEFT = RNG.random(400) < SCORES
ONCE = np.ones((1, 400))


def test_auc_is_the_share_of_pairs_in_order_with_ties_a_half() -> None:
    gone, stayed = SCORES[LEFT][:, None], SCORES[~LEFT]
    pairs = np.mean((gone > stayed) + 0.5 * (gone == stayed))
    assert auc(SCORES, LEFT, ONCE)[0] == pytest.approx(pairs)


def test_weights_stand_for_customers_drawn_more_than_once() -> None:
    weights = RNG.integers(0, 4, (1, 400)).astype(float)
    again = np.repeat(np.arange(400), weights[0].astype(int))
    twice = np.ones((1, again.size))
    assert auc(SCORES, LEFT, weights) == pytest.approx(auc(SCORES[again], LEFT[again], twice))
    assert log_loss(SCORES, LEFT, weights) == pytest.approx(
        log_loss(SCORES[again], LEFT[again], twice)
    )


def test_log_loss_of_certainty_is_bounded() -> None:
    assert log_loss(np.array([1.0]), np.array([False]), np.ones((1, 1)))[0] < 14


def test_calibration_compares_what_was_said_with_what_was_seen() -> None:
    bins = calibration(SCORES, LEFT, 4)
    assert sum(found.customers for found in bins) == 400
    assert all(abs(found.said - found.seen) < 0.15 for found in bins)


def test_a_rule_is_given_chances_by_the_outcomes_of_other_customers() -> None:
    customers = np.arange(400)
    chances = cross_fitted(SCORES, LEFT, customers)
    changed = LEFT ^ (customers == 10)
    assert cross_fitted(SCORES, changed, customers)[10] == chances[10]
    assert log_loss(chances, LEFT, ONCE)[0] < log_loss(np.full(400, LEFT.mean()), LEFT, ONCE)[0]
