import numpy as np
import pytest

from detectors.lab.evaluate import at_budget, draws, false_alarm_rates, interval, tally
from detectors.lab.histories import Histories, episodes

# one customer whose gaps are 10, 10, 40, 30 and who stays away from day 90; one who keeps to 20
DAYS = Histories.of(
    np.array([0] * 5 + [1] * 10),
    np.array([0.0, 10, 20, 60, 90, *np.arange(0, 200, 20)]),
    end=200.0,
)
EPISODES = episodes(DAYS, begin=20, end=150)
KNOB = np.array([5.0, 15, 25, 35, 45, 80, 200])
FIXED = np.broadcast_to(KNOB, (EPISODES.start.size, KNOB.size))


def test_an_alert_is_false_when_the_customer_comes_back_later() -> None:
    counted = tally(EPISODES, KNOB, FIXED, 100.0)
    assert counted.false.tolist() == [[2, 2, 2, 1, 0, 0, 0], [6, 6, 0, 0, 0, 0, 0]]
    assert counted.living_days.tolist() == [70, 120]
    assert counted.lost.tolist() == [1, 0]


def test_delay_is_the_silence_in_days_and_in_own_mean_gaps_both_with_a_cap() -> None:
    counted = tally(EPISODES, KNOB, FIXED, 100.0)
    assert counted.delay_days[0].tolist() == [5, 15, 25, 35, 45, 80, 100]
    own = (10 + 10 + 40 + 30) / 4
    assert counted.delay_gaps[0] == pytest.approx(np.minimum(KNOB, 100) / own)
    assert counted.found[0].tolist() == [1, 1, 1, 1, 1, 1, 0]
    assert tally(EPISODES, KNOB, 10 * FIXED, 1e6).delay_gaps[0].max() == 10


def test_the_knob_is_set_between_the_settings_around_the_budget() -> None:
    counted = tally(EPISODES, KNOB, FIXED, 100.0)
    once = draws(2, 0)
    rates = false_alarm_rates(counted, once)[0] * 190 / 365.25
    assert rates == pytest.approx([8, 8, 2, 1, 0, 0, 0])
    found = at_budget(counted, 1.5 / 190 * 365.25, once)
    assert found.knob[0] == pytest.approx(30)
    assert found.delay_days[0] == pytest.approx(30)
    assert found.recall[0] == 1
    assert found.precision[0] == pytest.approx(1 / 2.5)


def test_a_budget_that_no_setting_meets_gives_no_figure() -> None:
    counted = tally(EPISODES, KNOB[:3], FIXED[:, :3], 100.0)
    assert np.isnan(at_budget(counted, 0.1, draws(2, 0)).delay_days[0])
    assert np.isnan(at_budget(counted, 1e6, draws(2, 0)).delay_days[0])


def test_customers_are_drawn_with_replacement_and_the_knob_is_set_anew_in_each_draw() -> None:
    weights = draws(2, 50)
    assert weights.shape == (51, 2)
    assert (weights.sum(1) == 2).all()
    assert (weights[0] == 1).all()
    counted = tally(EPISODES, KNOB, FIXED, 100.0)
    only_first = np.array([[1.0, 1.0], [2.0, 0.0]])
    first, second = at_budget(counted, 1.5 / 190 * 365.25, only_first).knob
    assert first < second


def test_an_interval_is_the_middle_of_the_draws_without_the_set_itself() -> None:
    values = np.concatenate([[1e9], np.arange(1001.0)])
    assert interval(values) == pytest.approx((25, 975))
