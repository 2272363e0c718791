"""From a customer's features to a churn score that explains itself. Needs the weights only.

    logit = intercept + Σ_j w_j (x_j - mean_j) / sd_j        probability = 1 / (1 + e^-logit)

Each term of the sum is that feature's contribution, in log-odds; nothing has to be approximated
to explain the score. Source: the additive form of logistic regression; Cox 1958.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from detectors.learning.weights import Weights


class Score(Struct, frozen=True, gc=False):
    """P(no purchase within the horizon), and why.

    `math.fsum((intercept, *contributions.values())) == logit`, to the last bit. The static score
    has no contributions of its own: its intercept is the cadence's logit, whose parts the
    reasons of an alert explain.
    """

    probability: float
    logit: float
    intercept: float
    contributions: dict[str, float]
    model_version: str | None  # None: the static cadence logit was the score


class Scorer:
    """One version of the model, frozen; `Scorer()` is the static one, which passes the cadence on.

    Whoever makes it has seen that the model is ready and that its features are those that the
    caller computes, in that order. A feature without variance so far contributes nothing. Choose
    `ChurnModel.score` instead where the model is still learning in the same process.

    >>> Scorer().score(np.array([], np.float32), static_logit=0.0).probability
    0.5
    """

    __slots__ = ("_intercept", "_means", "_names", "_scales", "_slopes", "version")

    def __init__(self, weights: Weights | None = None, version: str | None = None) -> None:
        if (weights is None) != (version is None):
            raise ValueError("weights and version are given together or not at all")
        features = weights.features if weights else ()
        self.version = version
        self._intercept = weights.intercept if weights else 0.0
        self._names = tuple(feature.name for feature in features)
        self._means = np.array([feature.mean for feature in features])
        # dividing by infinity takes a feature without variance out of the sum
        self._scales = np.array([feature.variance**0.5 or math.inf for feature in features])
        self._slopes = np.array([feature.weight for feature in features])

    def score(self, features: NDArray[np.floating], static_logit: float) -> Score:
        """Score one snapshot: `features` of shape (K,) in the order of the weights.

        `static_logit` is the cadence's log-odds of no purchase within the horizon. Raises
        ValueError for another shape, and for a feature that is not finite.
        """
        if self.version is None:
            return Score(sigmoid(static_logit), static_logit, static_logit, {}, None)
        return self.score_all(features[np.newaxis])[0]

    def score_all(self, features: NDArray[np.floating]) -> list[Score]:
        """Score many snapshots, `features` of shape (n, K), with a version of the model.

        Raises as `score` does.
        """
        if features.shape[1:] != self._means.shape:
            raise ValueError(
                f"features has shape {features.shape[1:]}; accepted: {self._means.shape}, "
                f"in the order {', '.join(self._names)}"
            )
        terms = self._slopes * ((features.astype(np.float64) - self._means) / self._scales)
        if not np.isfinite(terms).all():
            name = self._names[int(np.argwhere(~np.isfinite(terms))[0, 1])]
            raise ValueError(f"features[{name}] is not finite; accepted: a finite number")
        found = []
        intercept, names, version = self._intercept, self._names, self.version
        for row in terms.tolist():
            logit = math.fsum((intercept, *row))  # rounded once
            contributions = dict(zip(names, row, strict=True))
            found.append(Score(sigmoid(logit), logit, intercept, contributions, version))
        return found


def sigmoid(logit: float) -> float:
    """`1 / (1 + e^-logit)` without overflow at either end."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


def log_loss(logit: float, outcome: int) -> float:
    """`-ln P(outcome)` in nats, from the log-odds of outcome 1: exact also where P is next to 0."""
    against = -logit if outcome else logit
    return max(against, 0.0) + math.log1p(math.exp(-abs(against)))
