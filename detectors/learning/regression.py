"""river's `StandardScaler | LogisticRegression(AdaGrad)` over features known in advance, compiled.

A river classifier like the pipeline that it stands for, with the same numbers after every label
(tests/unit/test_regression.py holds the two side by side). river walks a dict of features several
times a label; here they are columns of one array, and one kernel does it all in a fifth of the time
(`python -m benchmarks.labels`).

Sources: Duchi, Hazan & Singer 2011 (AdaGrad); Welford 1962 (running mean and variance).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

from detectors.compiled import kernel

MEAN, VARIANCE, WEIGHT, SQUARES = range(4)
INTERCEPT_RATE = 0.01  # river's default


@kernel
def standardised(x: float, mean: float, variance: float) -> float:
    """x in standard deviations; 0 without variance."""
    return (x - mean) / math.sqrt(variance) if variance > 0.0 else 0.0


@kernel
def logit_of(x: NDArray[np.float64], state: NDArray[np.float64], intercept: float) -> float:
    """intercept + sum w (x - mean) / sd."""
    total = 0.0
    for j in range(x.shape[0]):
        total += state[WEIGHT, j] * standardised(x[j], state[MEAN, j], state[VARIANCE, j])
    return total + intercept


@kernel
def learn_label(
    x: NDArray[np.float64],
    outcome: int,
    state: NDArray[np.float64],
    intercept: float,
    labels: int,
    fixed: int,
    rate: float,
    eps: float,
) -> tuple[float, float]:
    """Learn one label in place; the logit before, and the intercept after.

    `labels` were learnt before; the column `fixed` keeps its mean and variance (-1: none does).
    """
    before = logit_of(x, state, intercept)
    for j in range(x.shape[0]):
        if j != fixed:
            apart = x[j] - state[MEAN, j]
            state[MEAN, j] += apart / (labels + 1)
            spread = apart * (x[j] - state[MEAN, j]) - state[VARIANCE, j]
            state[VARIANCE, j] += spread / (labels + 1)
    sign = 2.0 * outcome - 1.0
    error = -sign / (math.exp(min(sign * logit_of(x, state, intercept), 700.0)) + 1.0)
    for j in range(x.shape[0]):
        slope = error * standardised(x[j], state[MEAN, j], state[VARIANCE, j])
        state[SQUARES, j] += slope * slope
        state[WEIGHT, j] -= rate / math.sqrt(state[SQUARES, j] + eps) * slope
    return before, intercept - INTERCEPT_RATE * error


@kernel
def learn_labels(
    x: NDArray[np.float64],
    outcomes: NDArray[np.int64],
    state: NDArray[np.float64],
    intercept: float,
    labels: int,
    fixed: int,
    rate: float,
    eps: float,
    logits: NDArray[np.float64],
) -> float:
    """`learn_label` of one row after the other; logits before each, and the intercept after all."""
    for i in range(x.shape[0]):
        logits[i], intercept = learn_label(
            x[i], outcomes[i], state, intercept, labels + i, fixed, rate, eps
        )
    return intercept


class CompiledRegression(base.Classifier):
    """P(outcome 1) of labels that each carry the same features.

    `state` [4, features] holds means, variances (population), weights and AdaGrad's sums of squared
    gradients, `labels` how many it has learnt from. The feature `unscaled` goes in as it is.

    Args:
        rate: AdaGrad's learning rate; `eps`: what it takes for granted of squared gradients.
    """

    def __init__(
        self, features: Sequence[str], unscaled: str | None, *, rate: float, eps: float
    ) -> None:
        self.features = tuple(features)
        self.rate = rate
        self.eps = eps
        self.state = np.zeros((4, len(self.features)))
        self.intercept = 0.0
        self.labels = 0
        self._fixed = -1
        if unscaled in self.features:
            self._fixed = self.features.index(unscaled)
            self.state[VARIANCE, self._fixed] = 1.0

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        """river's way to say `learn`."""
        self.learn(self._array(x), int(bool(y)))

    def predict_proba_one(self, x: dict[Any, Any], **_: Any) -> dict[Any, float]:
        """P(False) and P(True)."""
        chance = 1.0 / (1.0 + math.exp(-self.logit(self._array(x))))
        return {False: 1.0 - chance, True: chance}

    def learn(self, x: NDArray[np.float64], outcome: int) -> float:
        """Learn one label, 0 or 1; the logit that the features had before it."""
        return float(self.learn_all(x[np.newaxis], np.array([outcome]))[0])

    def learn_all(self, x: NDArray[np.float64], outcomes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Learn labels in their order: x [n, features]; the logit of each before it was learnt."""
        logits = np.empty(len(x))
        intercept = learn_labels(
            x, outcomes, self.state, self.intercept, self.labels, self._fixed, self.rate, self.eps,
            logits,
        )  # fmt: skip
        self.intercept = float(intercept)
        self.labels += len(x)
        return logits

    def logit(self, x: NDArray[np.float64]) -> float:
        """Log-odds of outcome 1."""
        return float(logit_of(x, self.state, self.intercept))

    def _array(self, x: dict[Any, Any]) -> NDArray[np.float64]:
        return np.array([x[name] for name in self.features], np.float64)
