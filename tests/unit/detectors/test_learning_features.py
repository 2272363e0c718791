from dataclasses import replace

import numpy as np
import pytest

from detectors.learning.features import FEATURES, grid_tick_after
from detectors.observations import SupportKind
from tests.laws.histories import DAY, SHOP, START, live, purchase, support

PROFILE = replace(SHOP, horizon_days=30.0, churn_horizon_days=90.0)
WEEKLY = [purchase("a", 7.0 * week, event_id=f"p-{week}") for week in range(12)]
LAST = 77.0


def test_a_snapshot_is_labelled_one_horizon_later_by_whether_a_purchase_followed() -> None:
    _, decided = live(WEEKLY, 400.0, PROFILE)
    examples = decided.examples
    np.testing.assert_allclose(examples["label_time"] - examples["snapshot_time"], 30.0 * DAY)
    last = START + LAST * DAY
    for example in examples:
        assert example["outcome"] == (0 if example["snapshot_time"] < last else 1)
    assert set(examples["outcome"].tolist()) == {0, 1}


def test_the_grid_begins_after_the_second_purchase_and_ends_with_the_customer() -> None:
    _, decided = live(WEEKLY, 4_000.0, PROFILE)
    times = decided.examples["snapshot_time"]
    assert START + 7.0 * DAY < times[0] <= START + 37.0 * DAY
    assert times[-1] < START + (LAST + 90.0) * DAY
    np.testing.assert_allclose(np.diff(times), 30.0 * DAY)


def test_who_comes_back_is_learnt_from_again_on_the_same_grid() -> None:
    back = [purchase("a", 1_000.0 + 7.0 * week, event_id=f"b-{week}") for week in range(8)]
    _, decided = live([*WEEKLY, *back], 2_000.0, PROFILE)
    times = decided.examples["snapshot_time"]
    gap = np.diff(times).max()
    assert gap > 300.0 * DAY
    assert gap / (30.0 * DAY) == pytest.approx(round(gap / (30.0 * DAY)))


def test_one_purchase_makes_no_example() -> None:
    assert len(live([purchase("a", 0.0)], 400.0, PROFILE)[1].examples) == 0


def test_an_out_of_order_purchase_within_the_window_counts_as_a_return() -> None:
    state, _ = live(WEEKLY, LAST + 1.0, PROFILE)
    snapshot = (float(state.rows[0]["snapshot_time"]) - START) / DAY
    due = (float(state.rows[0]["tick_due"]) - START) / DAY
    late = purchase("a", snapshot + 1.0, late_days=due - snapshot - 2.0)
    _, decided = live([*WEEKLY, late], due + 1.0, PROFILE)
    assert decided.examples[-1]["outcome"] == 0


def test_the_grid_is_spread_over_the_horizon_by_the_customer() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**64 - 1, 500, np.uint64)
    ticks = np.array([grid_tick_after(START, hashed, PROFILE.record) for hashed in hashes])
    waits = (ticks - START) / (30.0 * DAY)
    assert np.all((waits > 0.0) & (waits <= 1.0))
    assert np.all(np.abs(np.histogram(waits, 5, (0.0, 1.0))[0] - 100) < 45)
    again = grid_tick_after(float(ticks[0]), hashes[0], PROFILE.record)
    assert again - ticks[0] == pytest.approx(30.0 * DAY)


def test_a_decision_carries_the_features_of_its_own_time() -> None:
    asked = support("a", LAST + 3.0, SupportKind.CANCELLATION_REQUEST)
    _, decided = live([*WEEKLY, asked], LAST + 4.0)
    record = decided.records[0]
    features = dict(zip(FEATURES, record["features"].tolist(), strict=True))
    assert features["risk_logit"] == pytest.approx(
        float(np.log(record["risk"] / (1.0 - record["risk"]))), rel=1e-4
    )
    assert features["log_last_gap"] == pytest.approx(np.log(7.0))
    assert features["log_old_purchases"] == pytest.approx(np.log(0.5 + 5.0))
    assert features["log_amount"] == pytest.approx(np.log(20.0))
    assert features["cancellation"] == 3.0
    assert features["log_tenure"] == pytest.approx(np.log1p(LAST + 3.0))
    assert features["log_frequency"] == pytest.approx(np.log(12.0))
    assert features["visit_logit"] == features["visit_trend"] == 0.0


def test_the_static_logit_of_an_example_is_its_first_feature() -> None:
    _, decided = live(WEEKLY, 400.0, PROFILE)
    assert FEATURES[0] == "risk_logit"
    assert decided.examples["static_logit"].tolist() == decided.examples["features"][:, 0].tolist()
