"""The online model: is this customer going to buy within the horizon?

river's `StandardScaler | LogisticRegression(AdaGrad 0.1)`, compiled (`regression`), over the
features of a snapshot, learnt from delayed outcomes. It begins as the static cadence: the cadence's
own logit goes in unscaled with weight 1, all other features with weight 0, so that what is learnt
is where the cadence is wrong. Progressive: each label is predicted first and learnt afterwards, so
its log-loss is that of predictions which could not know the answer. No clock, no randomness: the
same labels in the same order give the same weights to the last bit.

Source: Dawid 1984 (prequential, i.e. progressive validation).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.learning.drift import DriftWatch
from detectors.learning.regression import MEAN, SQUARES, VARIANCE, WEIGHT, CompiledRegression
from detectors.learning.scorer import Score, Scorer, log_loss, sigmoid
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
Numbers: TypeAlias = NDArray[np.float64]
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


class Label(Struct, frozen=True, gc=False):
    """What is learnt from: features in the model's order, the outcome, the cadence's log-odds."""

    features: Sequence[float]
    outcome: int
    static_logit: float


class ChurnModel:
    """Learns outcomes: 1 = no purchase within the horizon, 0 = came back.

    `features` names what each label carries, in any order; another set is refused. Before the
    first label every score is the cadence's, "risk_logit", and ½ without that feature. Given
    `weights`, it goes on learning exactly as the one that wrote them would have. Choose
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
        self._regression = CompiledRegression(
            self.features, CADENCE, rate=LEARNING_RATE, eps=GRADIENTS_SEEN
        )
        self._regression.intercept = weights.intercept
        self._regression.labels = weights.labels
        columns = self._regression.state.T
        for column, f in zip(columns, weights.features, strict=True):
            column[[MEAN, VARIANCE, WEIGHT, SQUARES]] = (
                f.mean, f.variance, f.weight, f.squared_gradients,
            )  # fmt: skip

    def to_weights(self) -> Weights:
        """Everything learnt so far."""
        columns = self._regression.state[[MEAN, VARIANCE, WEIGHT, SQUARES]].T.tolist()
        features = tuple(
            FeatureWeights(name, *column)
            for name, column in zip(self.features, columns, strict=True)
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
        scorer = Scorer(self.to_weights(), UNPUBLISHED)
        return scorer.score_all(np.array([self._ordered(features)], np.float64))[0]

    def learn(self, features: Mapping[str, float], outcome: int, static_logit: float) -> Learnt:
        """Predict, compare with the outcome, then learn it; faster for a while after a drift.

        `static_logit` is the cadence's log-odds for the same snapshot, kept as the yardstick.
        Raises ValueError as `label` does, with nothing learnt.
        """
        foretold, drifted = self._learn_until_drift(
            *_columns([self.label(features, outcome, static_logit)])
        )
        probability, loss, static_loss = foretold[0].tolist()
        return Learnt(probability, loss, static_loss, drifted)

    def label(self, features: Mapping[str, float], outcome: int, static_logit: float) -> Label:
        """What `learn_all` takes.

        Raises ValueError for features as in `score`, an outcome other than 0 and 1, or a static
        logit that is not finite.
        """
        values = self._ordered(features)
        if outcome not in (0, 1):
            raise ValueError(f"outcome is {outcome}; accepted: 0 (came back), 1 (did not)")
        if not math.isfinite(static_logit):
            raise ValueError(f"static_logit is {static_logit}; accepted: a finite number")
        return Label(values, outcome, static_logit)

    def learn_all(self, labels: Sequence[Label]) -> int:
        """`learn` labels in their order, the same to the last bit; how many drifts were found."""
        drifts = first = 0
        x, outcomes, static_logits = _columns(labels)
        while first < len(labels):
            rest = slice(first, None)
            foretold, drifted = self._learn_until_drift(
                x[rest], outcomes[rest], static_logits[rest]
            )
            first += len(foretold)
            drifts += drifted
        return drifts

    def _learn_until_drift(
        self, x: Numbers, outcomes: NDArray[np.int64], static_logits: Numbers
    ) -> tuple[Numbers, bool]:
        """Learn labels up to the first at which the world is found to have changed, or all.

        Probability, loss and static loss of each that was learnt; and whether it has.
        """
        regression = self._regression
        before = regression.state.copy(), regression.intercept, regression.labels
        foretold = np.empty((len(x), 3))
        foretell(regression.learn_all(x, outcomes), static_logits, outcomes, foretold)
        watched = max(WARM_UP - self.labels, 0)
        errors = (outcomes - foretold[:, 0]) ** 2
        after = self._drift.first_rise(errors[watched:].tolist())
        if after is not None:
            n = watched + after + 1
            x, outcomes, foretold = x[:n], outcomes[:n], foretold[:n]
            # the labels after it are learnt in other steps: back to where it was found
            regression.state[:], regression.intercept, regression.labels = before
            regression.learn_all(x, outcomes)
            regression.state[SQUARES] *= KEPT_AT_DRIFT
        means = np.array([self.log_loss, self.static_log_loss])
        add_to_means(means, self.labels, foretold[:, 1:])
        self.log_loss, self.static_log_loss = means.tolist()
        self.labels += len(x)
        self.churned += int(outcomes.sum())
        return foretold, after is not None

    def _ordered(self, features: Mapping[str, float]) -> list[float]:
        """The features in the model's order, on which the last bit of a sum depends."""
        try:
            ordered = list(map(features.__getitem__, self.features))
        except KeyError:
            ordered = []
        # one sum tells of all: it is finite only if they are (or overflows, and is looked into)
        if len(ordered) == len(features) and math.isfinite(sum(ordered)):
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


def _columns(labels: Sequence[Label]) -> tuple[Numbers, NDArray[np.int64], Numbers]:
    return (
        np.array([label.features for label in labels], np.float64),
        np.array([label.outcome for label in labels], np.int64),
        np.array([label.static_logit for label in labels], np.float64),
    )


sigmoid_compiled, log_loss_compiled = kernel(sigmoid), kernel(log_loss)


@kernel
def foretell(
    logits: Numbers, static_logits: Numbers, outcomes: NDArray[np.int64], out: Numbers
) -> None:
    """Probability of outcome 1, log-loss and the static one's, a row a label."""
    for i in range(logits.shape[0]):
        out[i, 0] = sigmoid_compiled(logits[i])
        out[i, 1] = log_loss_compiled(logits[i], outcomes[i])
        out[i, 2] = log_loss_compiled(static_logits[i], outcomes[i])


@kernel
def add_to_means(means: Numbers, count: int, rows: Numbers) -> None:
    """Go on with means over `count` rows, in place."""
    for i in range(rows.shape[0]):
        for j in range(means.shape[0]):
            means[j] += (rows[i, j] - means[j]) / (count + i + 1)


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
