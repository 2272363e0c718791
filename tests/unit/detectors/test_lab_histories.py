import numpy as np
import pytest

from detectors.lab.histories import Histories, episodes

DAYS = Histories.of(
    np.array([7, 7, 7, 7, 7, 2, 2, 2]), np.array([30.0, 0, 10, 10, 14, 5, 6, 9]), end=40.0
)


def test_a_customer_buys_once_a_day_and_customers_are_numbered() -> None:
    assert DAYS.customer.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert DAYS.day.tolist() == [5, 6, 9, 0, 10, 14, 30]
    assert DAYS.gaps.tolist() == [1, 3, np.inf, 10, 4, 16, np.inf]
    assert DAYS.first.tolist() == [0, 0, 0, 3, 3, 3, 3]


def test_what_comes_later_is_not_there_before_a_day() -> None:
    early = DAYS.before(10)
    assert early.day.tolist() == [5, 6, 9, 0]
    assert early.end == 10
    assert DAYS.until(10).day.tolist() == [5, 6, 9, 0, 10]


def test_summaries_count_repeats_and_measure_from_the_first_purchase() -> None:
    known = DAYS.summaries(now=14)
    assert known.customer.tolist() == [0, 1]
    assert known.frequency.tolist() == [2, 2]
    assert known.recency.tolist() == [4, 14]
    assert known.tenure.tolist() == [9, 14]
    assert known.log_gap_sum == pytest.approx([np.log(3), np.log(40)])


def test_an_episode_begins_with_a_purchase_after_enough_gaps_and_ends_with_the_next_or_never() -> (
    None
):
    found = episodes(DAYS, begin=9, end=30)
    assert found.start.tolist() == [9, 14, 30]
    assert found.gap.tolist() == [np.inf, 16, np.inf]
    assert found.lost.tolist() == [True, False, True]
    assert found.frequency.tolist() == [2, 2, 3]
    assert found.mean.tolist() == [2, 7, 10]
    assert found.median.tolist() == [2, 7, 10]
    assert found.q90 == pytest.approx([np.quantile(g, 0.9) for g in ([1, 3], [10, 4], [10, 4, 16])])


def test_what_an_episode_knows_of_its_customer_does_not_depend_on_what_follows() -> None:
    cut = episodes(DAYS.until(14), begin=9, end=14)
    whole = episodes(DAYS, begin=9, end=14)
    for name in ("frequency", "mean", "median", "q90", "first"):
        assert getattr(cut, name).tolist() == getattr(whole, name).tolist()
