"""The online model: what it learns, how it explains itself, and that it can be put down."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from river import linear_model, optim, preprocessing

from detectors.learning.model import ChurnModel, resume
from detectors.learning.scorer import Scorer, log_loss, sigmoid
from detectors.learning.weights import DriftState, FeatureWeights, Weights

NAMES = [f"feature_{j}" for j in range(8)]


class World:
    """Labels drawn from a logistic law with weights of its own, all from one seed."""

    def __init__(self, n: int, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self.x: NDArray[np.float32] = (3 + 2 * rng.normal(size=(n, len(NAMES)))).astype(np.float32)
        logits = ((self.x - 3) / 2) @ rng.normal(size=len(NAMES)) - 1
        self.y = (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(int).tolist()

    def features(self, i: int) -> dict[str, float]:
        return dict(zip(NAMES, self.x[i].tolist(), strict=True))

    def teach(self, model: ChurnModel, start: int, stop: int) -> ChurnModel:
        for i in range(start, stop):
            model.learn(self.features(i), self.y[i], static_logit=0.0)
        return model


def through_json(weights: Weights) -> Weights:
    fields = json.loads(json.dumps(asdict(weights)))
    drift = DriftState(tuple(fields.pop("drift")["errors"]), weights.drift.drifts)
    features = tuple(FeatureWeights(**feature) for feature in fields.pop("features"))
    return Weights(features=features, drift=drift, **fields)


@pytest.mark.parametrize("pause", [0, 1, 500, 1500])
def test_a_model_put_down_and_taken_up_again_goes_on_to_the_last_bit(pause: int) -> None:
    world = World(2000)
    whole = world.teach(ChurnModel(NAMES), 0, 2000)
    first = world.teach(ChurnModel(NAMES), 0, pause)
    second = world.teach(ChurnModel(NAMES, through_json(first.to_weights())), pause, 2000)
    assert second.to_weights() == whole.to_weights()


def test_the_order_in_which_an_example_names_its_features_changes_nothing() -> None:
    world = World(300)
    forwards = world.teach(ChurnModel(NAMES), 0, 300)
    backwards = ChurnModel(NAMES)
    for i in range(300):
        backwards.learn(dict(reversed(world.features(i).items())), world.y[i], 0.0)
    assert backwards.to_weights() == forwards.to_weights()


def test_labels_learnt_together_teach_what_they_teach_one_by_one() -> None:
    world = World(2000)
    model = ChurnModel(NAMES)
    for first, after in ((0, 1), (1, 1), (1, 900), (900, 1100), (1100, 2000)):
        model.learn_all(
            [model.label(world.features(i), world.y[i], 0.0) for i in range(first, after)]
        )
    assert model.to_weights() == world.teach(ChurnModel(NAMES), 0, 2000).to_weights()


def test_each_label_is_predicted_before_it_is_learnt_and_as_plain_river_would() -> None:
    world = World(600)
    model = ChurnModel(NAMES)
    pipeline = preprocessing.StandardScaler() | linear_model.LogisticRegression(
        optim.AdaGrad(0.1, eps=10.0)
    )
    losses = []
    for i in range(600):
        expected = pipeline.predict_proba_one(world.features(i))[True]
        pipeline.learn_one(world.features(i), world.y[i])
        learnt = model.learn(world.features(i), world.y[i], static_logit=0.0)
        assert learnt.probability == pytest.approx(expected, abs=1e-12)
        losses.append(-math.log(learnt.probability if world.y[i] else 1 - learnt.probability))
        assert learnt.loss == pytest.approx(losses[-1], abs=1e-9)
    assert model.log_loss == pytest.approx(np.mean(losses), abs=1e-9)
    assert model.static_log_loss == pytest.approx(math.log(2), abs=1e-12)


def test_the_model_learns_what_the_features_say() -> None:
    model = World(4000).teach(ChurnModel(NAMES), 0, 4000)
    assert model.log_loss < 0.8 * model.static_log_loss


def test_intercept_and_contributions_add_up_to_the_logit_to_the_last_bit() -> None:
    world = World(800)
    model = world.teach(ChurnModel(NAMES), 0, 700)
    scorer = Scorer(model.to_weights(), "v1")
    for i in range(700, 800):
        score = scorer.score(world.x[i], static_logit=0.0)
        assert math.fsum((score.intercept, *score.contributions.values())) == score.logit
        assert score.probability == sigmoid(score.logit)
        assert list(score.contributions) == NAMES


def test_a_worker_scores_from_the_weights_exactly_as_the_model_that_wrote_them() -> None:
    world = World(800)
    model = world.teach(ChurnModel(NAMES), 0, 700)
    scorer = Scorer(through_json(model.to_weights()), "v1")
    for i in range(700, 800):
        live, frozen = model.score(world.features(i)), scorer.score(world.x[i], 0.0)
        assert (frozen.logit, frozen.contributions) == (live.logit, live.contributions)
        assert frozen.model_version == "v1"


def test_scoring_teaches_the_model_nothing() -> None:
    world = World(200)
    model = world.teach(ChurnModel(NAMES), 0, 100)
    before = model.to_weights()
    model.score(world.features(150))
    assert model.to_weights() == before


def test_a_feature_that_never_varied_contributes_nothing() -> None:
    model = ChurnModel(["varies", "constant"])
    for i in range(50):
        model.learn({"varies": float(i % 7), "constant": 5.0}, i % 2, 0.0)
    score = Scorer(model.to_weights(), "v1").score(np.array([3.0, 9.0], np.float32), 0.0)
    assert score.contributions["constant"] == 0.0
    assert score.contributions["varies"] != 0.0


def test_the_static_scorer_passes_the_cadence_on() -> None:
    score = Scorer().score(np.zeros(3, np.float32), static_logit=1.5)
    assert (score.logit, score.intercept, score.contributions) == (1.5, 1.5, {})
    assert score.model_version is None


@pytest.mark.parametrize("logit", [-800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0])
def test_probability_and_loss_stay_finite_however_far_out(logit: float) -> None:
    assert 0.0 <= sigmoid(logit) <= 1.0
    assert sigmoid(logit) + sigmoid(-logit) == pytest.approx(1.0)
    assert log_loss(logit, 1) - log_loss(logit, 0) == pytest.approx(-logit)
    assert log_loss(logit, 1) >= 0.0


@pytest.mark.parametrize("extreme", [0.0, 1e-30, 3e38, -3e38])
def test_no_finite_feature_makes_a_score_that_is_not(extreme: float) -> None:
    model = ChurnModel(["a", "b"])
    for i in range(40):
        model.learn({"a": extreme if i % 3 else float(i), "b": float(i)}, i % 2, 0.0)
    score = Scorer(model.to_weights(), "v1").score(np.array([extreme, 1], np.float32), 0.0)
    assert math.isfinite(score.logit)


@pytest.mark.parametrize(
    ("features", "outcome", "static_logit", "named"),
    [
        ({"a": 1.0}, 1, 0.0, "missing b"),
        ({"a": 1.0, "b": 1.0, "c": 1.0}, 1, 0.0, "unknown c"),
        ({"a": 1.0, "b": math.nan}, 1, 0.0, r"features\[b\]"),
        ({"a": 1.0, "b": 1.0}, 2, 0.0, "outcome is 2"),
        ({"a": 1.0, "b": 1.0}, 1, math.inf, "static_logit is inf"),
    ],
)
def test_a_label_that_cannot_be_learnt_is_named_and_leaves_no_trace(
    features: dict[str, float], outcome: int, static_logit: float, named: str
) -> None:
    model = ChurnModel(["a", "b"])
    model.learn({"a": 1.0, "b": 2.0}, 1, 0.0)
    before = model.to_weights()
    with pytest.raises(ValueError, match=named):
        model.learn(features, outcome, static_logit)
    assert model.to_weights() == before


def test_a_scorer_refuses_features_that_it_cannot_score() -> None:
    scorer = Scorer(ChurnModel(["a", "b"]).to_weights(), "v1")
    with pytest.raises(ValueError, match=r"accepted: \(2,\), in the order a, b"):
        scorer.score(np.zeros(3, np.float32), 0.0)
    model = World(50).teach(ChurnModel(NAMES), 0, 50)
    with pytest.raises(ValueError, match=r"features\[feature_2\]"):
        Scorer(model.to_weights(), "v1").score(
            np.array([1, 1, math.nan, 1, 1, 1, 1, 1], np.float32), 0.0
        )
    with pytest.raises(ValueError, match="given together"):
        Scorer(model.to_weights())


def test_a_model_is_ready_with_enough_labels_of_both_outcomes_if_it_beats_the_cadence() -> None:
    weights = replace(ChurnModel(["a"]).to_weights(), log_loss=0.5, static_log_loss=0.6)
    assert not weights.ready(0)
    assert not replace(weights, labels=1000).ready(1000)
    assert not replace(weights, labels=1000, churned=1000).ready(1000)
    assert not replace(weights, labels=999, churned=1).ready(1000)
    enough = replace(weights, labels=1000, churned=1)
    assert enough.ready(1000)
    assert not replace(enough, static_log_loss=0.5).ready(1000)
    assert not replace(enough, static_log_loss=0.4).ready(1000)


def test_other_features_restart_the_model_and_say_why() -> None:
    weights = World(100).teach(ChurnModel(NAMES), 0, 100).to_weights()
    same = resume(weights, tuple(reversed(NAMES)))
    assert same.restarted is None
    assert same.model.to_weights().names == tuple(reversed(NAMES))
    assert same.model.to_weights().arranged(NAMES) == weights
    other = resume(weights, [*NAMES[1:], "new"])
    assert other.restarted == "features changed: gone feature_0, new new"
    assert (other.model.labels, other.model.features) == (0, (*NAMES[1:], "new"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"features": ()}, "features is empty"),
        ({"features": (FeatureWeights("a", 0, 0, 0, 0),) * 2}, "names one twice"),
        ({"features": (FeatureWeights("a", 0, -1, 0, 0),)}, "negative variance"),
        ({"features": (FeatureWeights("a", 0, 0, math.nan, 0),)}, r"features\[a\].weight is nan"),
        ({"labels": 3, "churned": 4}, "churned is 4"),
        ({"intercept": math.inf}, "intercept is inf"),
    ],
)
def test_weights_that_contradict_themselves_are_refused(
    change: dict[str, object], named: str
) -> None:
    weights = ChurnModel(["a"]).to_weights()
    with pytest.raises(ValueError, match=named):
        replace(weights, **change)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="in any order"):
        weights.arranged(["b"])
