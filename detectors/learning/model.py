"""The online model: is this customer going to buy within the horizon?

river's `StandardScaler | LogisticRegression(AdaGrad 0.1)` over the features of a snapshot, learnt
from delayed outcomes. It begins as the static cadence: the cadence's own logit goes in
unscaled with weight 1, all other features with weight 0, so that what is learnt is where the
cadence is wrong. Progressive: each label is predicted first and learnt afterwards, so its
log-loss is that of predictions which could not know the answer. No clock, no randomness: the
same labels in the same order give the same weights to the last bit.

Sources: Duchi, Hazan & Singer 2011 (AdaGrad); Dawid 1984 (prequential, i.e. progressive
validation); Welford 1962 (running mean and variance).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from river import linear_model, optim, preprocessing, utils

from detectors.learning.drift import DriftWatch
from detectors.learning.scorer import Score, additive, log_loss
from detectors.learning.weights import DriftState, FeatureWeights, Weights

# Measured beside FTRL 0.05, trees and forests on CDNOW and the Complete Journey: the best two are
# equal within noise, and AdaGrad's state is one number a feature (docs/decisions/0006).
LEARNING_RATE = 0.1
# What AdaGrad takes for granted of gradients seen: the first labels move the weights by a third of
# the rate at most. Complete Journey, progressive from day 120 on: AUC .891 and log-loss .164 with
# 10, .891 and .181 with next to nothing; a model that begins at 0 has .863 and .182.
GRADIENTS_SEEN = 10.0
# A cold model's error falls over its first labels; that says nothing about the world.
WARM_UP = 1000
# On drift AdaGrad forgets this much of its past, so that steps grow by sqrt(1 / .03), six times.
# Simulated, all weights drawn anew: log-loss over the next 1,000 labels .62 instead of .76; where
# only the base rate moved it costs .001 (tests/unit/test_model_drift.py).
KEPT_AT_DRIFT = 0.03
# The feature that is the cadence's own logit; it has no mean and no scale to learn.
CADENCE = "risk_logit"
# The version in a score of a model that is still learning.
UNPUBLISHED = "unpublished"


class Learnt(NamedTuple):
    """One label: what the model and the cadence had said before, and whether the world changed."""

    probability: float
    loss: float
    static_loss: float
    drifted: bool


class ChurnModel:
    """Learns outcomes: 1 = no purchase within the horizon, 0 = came back.

    `features` names what each label carries, in any order; another set is refused. Before the
    first label every score is the cadence's, "risk_logit", and ½ without that feature. Choose
    `Scorer` instead to score without learning.

    >>> model = ChurnModel(["silence_ratio"])
    >>> for i in range(200):
    ...     _ = model.learn({"silence_ratio": float(i % 5)}, int(i % 5 > 2), static_logit=0.0)
    >>> model.score({"silence_ratio": 4.0}).probability > 0.8
    True
    """

    def __init__(self, features: Sequence[str], weights: Weights | None = None) -> None:
        if weights is None:
            begun = tuple(
                FeatureWeights(CADENCE, 0.0, 1.0, 1.0, 0.0)
                if name == CADENCE
                else FeatureWeights(name, 0.0, 0.0, 0.0, 0.0)
                for name in features
            )
            weights = Weights(begun, 0.0, 0, 0, 0.0, 0.0, DriftState())
        weights = weights.arranged(features)
        self.features = weights.names
        self.labels = weights.labels
        self.churned = weights.churned
        self.log_loss = weights.log_loss
        self.static_log_loss = weights.static_log_loss
        self._drift = DriftWatch(weights.drift)
        self._scaler = preprocessing.StandardScaler()
        self._optimizer = optim.AdaGrad(LEARNING_RATE, eps=GRADIENTS_SEEN)
        self._regression = linear_model.LogisticRegression(self._optimizer)
        self._regression.intercept = weights.intercept
        # each label carries every feature, so that one count serves scaler and optimiser
        self._scaler.counts.update(dict.fromkeys(self.features, weights.labels))
        self._scaler.means.update({f.name: f.mean for f in weights.features})
        self._scaler.vars.update({f.name: f.variance for f in weights.features})
        self._optimizer.n_iterations = weights.labels
        self._optimizer.g2.update({f.name: f.squared_gradients for f in weights.features})
        slopes: utils.VectorDict[str, float] = utils.VectorDict(
            {f.name: f.weight for f in weights.features}
        )
        self._regression._weights = slopes  # noqa: SLF001  # river's `weights` is read-only

    @classmethod
    def from_weights(cls, weights: Weights) -> ChurnModel:
        """The model that goes on learning exactly as the one that wrote the weights would have."""
        return cls(weights.names, weights)

    def to_weights(self) -> Weights:
        """Everything learnt so far."""
        scaler, weights, squares = self._scaler, self._regression.weights, self._optimizer.g2
        features = tuple(
            FeatureWeights(
                name,
                scaler.means.get(name, 0.0),
                scaler.vars.get(name, 0.0),
                weights.get(name, 0.0),
                squares.get(name, 0.0),
            )
            for name in self.features
        )
        return Weights(
            features,
            self._regression.intercept,
            self.labels,
            self.churned,
            self.log_loss,
            self.static_log_loss,
            self._drift.state,
        )

    def score(self, features: Mapping[str, float]) -> Score:
        """Score without learning; whether the model is ready to be believed is not asked here.

        Raises ValueError that names a feature which is missing, unknown or not finite.
        """
        return self._score(self._ordered(features))

    def learn(self, features: Mapping[str, float], outcome: int, static_logit: float) -> Learnt:
        """Predict, compare with the outcome, then learn it; faster for a while after a drift.

        `static_logit` is the cadence's log-odds for the same snapshot, kept as the yardstick.
        Raises ValueError, with nothing learnt, for features as in `score`, an outcome other than
        0 and 1, or a static logit that is not finite.
        """
        ordered = self._ordered(features)
        if outcome not in (0, 1):
            raise ValueError(f"outcome is {outcome}; accepted: 0 (came back), 1 (did not)")
        if not math.isfinite(static_logit):
            raise ValueError(f"static_logit is {static_logit}; accepted: a finite number")

        score = self._score(ordered)
        loss = log_loss(score.logit, outcome)
        static_loss = log_loss(static_logit, outcome)

        # what the pipeline would do, without transforming for a prediction of its own
        varying = {name: value for name, value in ordered.items() if name != CADENCE}
        self._scaler.learn_one(varying)  # type: ignore[no-untyped-call]  # river
        scaled = self._scaler.transform_one(ordered)  # type: ignore[no-untyped-call]  # river
        self._regression.learn_one(scaled, outcome)
        self.labels += 1
        self.churned += outcome
        self.log_loss += (loss - self.log_loss) / self.labels
        self.static_log_loss += (static_loss - self.static_log_loss) / self.labels
        error = (outcome - score.probability) ** 2
        drifted = self.labels > WARM_UP and self._drift.update(error)
        if drifted:
            for name in self.features:
                self._optimizer.g2[name] *= KEPT_AT_DRIFT
        return Learnt(score.probability, loss, static_loss, drifted)

    def _score(self, ordered: dict[str, float]) -> Score:
        weights = self._regression.weights
        scaled = self._scaler.transform_one(ordered)  # type: ignore[no-untyped-call]  # river
        terms = {name: weights.get(name, 0.0) * value for name, value in scaled.items()}
        return additive(self._regression.intercept, terms, UNPUBLISHED)

    def _ordered(self, features: Mapping[str, float]) -> dict[str, float]:
        """The features in the model's order, on which the last bit of a sum depends."""
        ordered = {name: features[name] for name in self.features if name in features}
        # one sum tells of all: it is finite only if they are (or overflows, and is looked into)
        if len(ordered) == len(features) == len(self.features) and math.isfinite(
            sum(ordered.values())
        ):
            return ordered
        if features.keys() != set(self.features):
            missing = [name for name in self.features if name not in features]
            unknown = [name for name in features if name not in self.features]
            raise ValueError(
                f"features: missing {', '.join(missing) or 'none'}, "
                f"unknown {', '.join(unknown) or 'none'}; accepted: exactly those of the model"
            )
        for name in self.features:
            if not math.isfinite(features[name]):
                raise ValueError(f"features[{name}] is {features[name]}; accepted: finite numbers")
        return ordered


class Resumed(NamedTuple):
    """A model to go on with; `restarted` says why it had to begin again, else it is None."""

    model: ChurnModel
    restarted: str | None


def resume(weights: Weights, features: Sequence[str]) -> Resumed:
    """Go on from the weights, or begin again when this version computes other features.

    Weights of other features cannot be converted: what a weight means depends on what else is in
    the sum.
    """
    if set(weights.names) == set(features):
        return Resumed(ChurnModel(features, weights), None)
    gone = [name for name in weights.names if name not in features]
    new = [name for name in features if name not in weights.names]
    reason = f"features changed: gone {', '.join(gone) or 'none'}, new {', '.join(new) or 'none'}"
    return Resumed(ChurnModel(features), reason)
