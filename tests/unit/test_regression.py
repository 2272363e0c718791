"""The compiled regression is river's pipeline, number for number, and a river classifier itself."""

from collections.abc import Hashable

import numpy as np
import pytest
from river import base, linear_model, optim, preprocessing

from detectors.learning.regression import (
    MEAN,
    SQUARES,
    VARIANCE,
    WEIGHT,
    CompiledRegression,
)

NAMES = ("a", "b", "constant", "large")


def labels(count: int, seed: int) -> list[tuple[dict[str, float], bool]]:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(count, 4)) * [1.0, 0.1, 0.0, 1e4] + [0.0, 3.0, 5.0, -1e5]
    chance = 1.0 / (1.0 + np.exp(-(2.0 * drawn[:, 0] + 8.0 * (drawn[:, 1] - 3.0) - 1.0)))
    churned = rng.random(count) < chance
    examples = [dict(zip(NAMES, x, strict=True)) for x in drawn.tolist()]
    return list(zip(examples, churned.tolist(), strict=True))


@pytest.mark.parametrize(("rate", "eps"), [(0.1, 10.0), (0.5, 1e-8)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_every_label_the_numbers_are_rivers(rate: float, eps: float, seed: int) -> None:
    compiled = CompiledRegression(NAMES, None, rate=rate, eps=eps)
    scaler = preprocessing.StandardScaler()
    optimizer = optim.AdaGrad(rate, eps=eps)
    regression = linear_model.LogisticRegression(optimizer)
    pipeline = scaler | regression
    for number, (x, y) in enumerate(labels(2000, seed)):
        assert compiled.predict_proba_one(x)[True] == pytest.approx(
            pipeline.predict_proba_one(x)[True], rel=1e-9, abs=1e-12
        )
        compiled.learn_one(x, y)
        pipeline.learn_one(x, y)
        if number % 100 == 0:
            for column, theirs in (
                (MEAN, scaler.means), (VARIANCE, scaler.vars),
                (WEIGHT, regression.weights), (SQUARES, optimizer.g2),
            ):  # fmt: skip
                expected = [theirs[name] for name in NAMES]
                assert compiled.state[column] == pytest.approx(expected, rel=1e-8, abs=1e-12)
    assert compiled.intercept == pytest.approx(regression.intercept, rel=1e-9)
    assert compiled.state[WEIGHT, 0] > 0.5  # and it has learnt something


def test_it_is_a_river_classifier() -> None:
    compiled = CompiledRegression(NAMES, None, rate=0.1, eps=10.0)
    assert isinstance(compiled, base.Classifier)
    for x, y in labels(1000, 4):
        compiled.learn_one(x, y)
    leaving: dict[Hashable, float] = {"a": 3.0, "b": 3.2, "constant": 5.0, "large": -1e5}
    chances = compiled.predict_proba_one(leaving)
    assert chances[True] > 0.8
    assert sum(chances.values()) == pytest.approx(1.0)
    assert compiled.predict_one(leaving) is True


def test_what_is_unscaled_keeps_its_scale() -> None:
    compiled = CompiledRegression(("own", "other"), "own", rate=0.1, eps=10.0)
    for i in range(100):
        compiled.learn_one({"own": 7.0 + i, "other": float(i % 3)}, i % 2)
    assert compiled.state[[MEAN, VARIANCE], 0].tolist() == [0.0, 1.0]
    assert compiled.state[MEAN, 1] == pytest.approx(0.99)


def test_a_label_as_sure_as_can_be_leaves_finite_numbers() -> None:
    compiled = CompiledRegression(("own",), "own", rate=0.1, eps=10.0)
    compiled.state[WEIGHT, 0] = 1e6
    for y in (True, False):
        compiled.learn_one({"own": 1e3}, y)
        compiled.learn_one({"own": -1e3}, y)
    assert np.isfinite(compiled.state).all()
