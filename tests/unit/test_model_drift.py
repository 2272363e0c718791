"""The watch over the model's own error, and what the model does when its world has changed."""

import math

import numpy as np
import pytest

from detectors.learning import model as learning
from detectors.learning.drift import WINDOW, DriftWatch
from detectors.learning.model import ChurnModel
from detectors.learning.weights import DriftState

NAMES = [f"feature_{j}" for j in range(15)]
CHANGE = 6000


def run(seed: int, *, changes: bool) -> tuple[list[int], float]:
    """Labels at which drift was found, and the mean loss over the 1,000 labels after the change."""
    model, drifts, losses = ChurnModel(NAMES), [], []
    for i, (features, outcome) in enumerate(labels(seed, changes=changes)):
        learnt = model.learn(features, outcome, 0.0)
        losses.append(learnt.loss)
        if learnt.drifted:
            drifts.append(i)
    return drifts, float(np.mean(losses[CHANGE : CHANGE + 1000]))


def labels(seed: int, *, changes: bool) -> list[tuple[dict[str, float], int]]:
    rng = np.random.default_rng(seed)
    before, after = rng.normal(size=(2, len(NAMES))) * 0.5
    x = rng.normal(size=(CHANGE + 2000, len(NAMES)))
    found = []
    for i, row in enumerate(x):
        weights = after if changes and i >= CHANGE else before
        outcome = int(rng.random() < 1 / (1 + math.exp(1 - row @ weights)))
        found.append((dict(zip(NAMES, row.tolist(), strict=True)), outcome))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_world_that_stays_the_same_does_not_drift(seed: int) -> None:
    assert run(seed, changes=False)[0] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_changed_world_is_noticed_within_1000_labels(seed: int) -> None:
    drifts, _ = run(seed, changes=True)
    assert len(drifts) == 1
    assert 0 <= drifts[0] - CHANGE < 1000


def test_a_change_amid_labels_learnt_together_counts_from_the_label_that_showed_it() -> None:
    one_by_one, together = ChurnModel(NAMES), ChurnModel(NAMES)
    changed = labels(3, changes=True)
    for features, outcome in changed:
        one_by_one.learn(features, outcome, 0.0)
    assert together.learn_all([together.label(*label, 0.0) for label in changed]) == 1
    assert together.to_weights() == one_by_one.to_weights()


def test_a_model_that_notices_learns_the_new_world_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    _, noticed = run(3, changes=True)
    monkeypatch.setattr(learning, "KEPT_AT_DRIFT", 1.0)
    _, unnoticed = run(3, changes=True)
    assert noticed < unnoticed - 0.05


def test_a_watch_made_again_from_its_state_is_the_same_watch() -> None:
    rng = np.random.default_rng(5)
    errors = rng.beta(1, 6, size=2 * WINDOW).tolist() + rng.beta(2, 2, size=WINDOW).tolist()
    whole, pieces, drifts = DriftWatch(), DriftWatch(), 0
    for i, error in enumerate(errors):
        if i % 700 == 0:
            pieces = DriftWatch(pieces.state)
        risen = whole.update(error)
        assert pieces.update(error) == risen
        drifts += risen
    assert pieces.state == whole.state
    assert whole.state.drifts == drifts == 1


def test_the_window_is_bounded_and_keeps_the_newer_half() -> None:
    watch = DriftWatch()
    for i in range(WINDOW):
        watch.update(0.2 if i % 2 else 0.21)
    assert watch.state == DriftState((21, 20) * (WINDOW // 4), 0)


def test_an_error_that_falls_is_no_drift() -> None:
    watch = DriftWatch()
    assert not any(watch.update(0.4) for _ in range(2000))
    assert not any(watch.update(0.1) for _ in range(2000))
    assert len(watch.state.errors) < 2000
