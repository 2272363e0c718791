"""How well a probability tells who will not come back: order (AUC) and calibration (log-loss).

Everything is over weights, a row a draw of customers, so that an interval costs one call.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.lab.histories import Days

Outcomes = NDArray[np.bool_]

LEAST_CHANCE = 1e-6  # nobody is surer than that: the log-loss of one mistake is 14 nats
STEPS = 50


def auc(scores: Days, outcomes: Outcomes, weights: Days) -> Days:
    """P(score of one who left > score of one who stayed), ties count a half; [draws].

    NaN where nobody left, or nobody stayed.

    Args:
        scores: [customers]; only their order matters.
        outcomes: [customers] True for who left.
        weights: [draws, customers].
    """
    order = np.argsort(scores, kind="stable")
    begins = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    drawn, left = weights[:, order], outcomes[order]
    gone = np.add.reduceat(drawn * left, begins, axis=1)
    stayed = np.add.reduceat(drawn * ~left, begins, axis=1)
    below = np.cumsum(stayed, axis=1) - 0.5 * stayed
    pairs = gone.sum(1) * stayed.sum(1)
    ordered: Days = (gone * below).sum(1) / np.where(pairs > 0.0, pairs, np.nan)
    return ordered


def log_loss(chances: Days, outcomes: Outcomes, weights: Days) -> Days:
    """Mean of -ln of the chance given to what happened; [draws]."""
    chance = np.clip(np.where(outcomes, chances, 1.0 - chances), LEAST_CHANCE, 1.0)
    loss: Days = -(weights @ np.log(chance)) / weights.sum(1)
    return loss


class Bin(NamedTuple):
    """Customers of like chance: their mean chance, and the share that left."""

    said: float
    seen: float
    customers: int


def calibration(chances: Days, outcomes: Outcomes, bins: int = 10) -> list[Bin]:
    """As many customers in each bin."""
    parts = np.array_split(np.argsort(chances, kind="stable"), bins)
    return [
        Bin(float(chances[part].mean()), float(outcomes[part].mean()), part.size)
        for part in parts
        if part.size
    ]


def cross_fitted(features: Days, outcomes: Outcomes, customers: NDArray[np.int64]) -> Days:
    """Chances by logistic regression on one feature, each half fitted to the other's outcomes.

    For rules that have no probability of their own. It is more than they could know at the time,
    because the outcomes lie ahead.
    """
    chances = np.empty(features.size)
    for half in (0, 1):
        mine = customers % 2 == half
        level, slope = logistic(features[~mine], outcomes[~mine])
        chances[mine] = 1.0 / (1.0 + np.exp(-(level + slope * features[mine])))
    return chances


def logistic(features: Days, outcomes: Outcomes) -> tuple[float, float]:
    """Level and slope with the greatest likelihood (Newton, a little ridge)."""
    design = np.stack([np.ones(features.size), features], axis=1)
    found = np.zeros(2)
    ridge = 1e-6 * np.eye(2)
    for _ in range(STEPS):
        chance = 1.0 / (1.0 + np.exp(-design @ found))
        slope = design.T @ (outcomes - chance) - ridge @ found
        bend = (design * (chance * (1.0 - chance))[:, None]).T @ design + ridge
        step = np.linalg.solve(bend, slope)
        found += step
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])
