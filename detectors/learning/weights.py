"""All that the online model has learnt, as plain numbers: enough to score, and to go on learning.

Nothing here is an object of a learning library, so weights can be written as text, compared, and
read by something that has never seen the library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class FeatureWeights:
    """One feature: its scale so far, its weight, and what the optimiser keeps for it.

    `mean` and `variance` (population, n in the denominator) are in the feature's own unit;
    `weight` is log-odds a standard deviation; `squared_gradients` is AdaGrad's running sum G, the
    next step being `0.1 g / sqrt(G + 10)`.
    """

    name: str
    mean: float
    variance: float
    weight: float
    squared_gradients: float


@dataclass(frozen=True, slots=True)
class DriftState:
    """What the drift watch knows: its window of errors in per cent, and drifts found."""

    errors: tuple[int, ...] = ()
    drifts: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """The model's state after `labels` labels, of which `churned` had outcome 1.

    `log_loss` and `static_log_loss` are progressive means in nats: each label was predicted before
    it was learnt. NaN-free by construction: raises ValueError that names the field otherwise.
    """

    features: tuple[FeatureWeights, ...]
    intercept: float
    labels: int
    churned: int
    log_loss: float
    static_log_loss: float
    drift: DriftState

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("features is empty; accepted: at least one")
        if len(set(self.names)) != len(self.features):
            raise ValueError(f"features names one twice: {', '.join(sorted(self.names))}")
        if not 0 <= self.churned <= self.labels:
            raise ValueError(f"churned is {self.churned}; accepted: 0 to labels ({self.labels})")
        numbers = {
            "intercept": self.intercept,
            "log_loss": self.log_loss,
            "static_log_loss": self.static_log_loss,
        }
        for feature in self.features:
            for field in ("mean", "variance", "weight", "squared_gradients"):
                numbers[f"features[{feature.name}].{field}"] = getattr(feature, field)
            if feature.variance < 0 or feature.squared_gradients < 0:
                raise ValueError(
                    f"features[{feature.name}] has a negative variance or squared_gradients; "
                    "accepted: 0 or more"
                )
        for name, number in numbers.items():
            if not math.isfinite(number):
                raise ValueError(f"{name} is {number}; accepted: a finite number")

    @property
    def names(self) -> tuple[str, ...]:
        """The features in the model's order."""
        return tuple(feature.name for feature in self.features)

    def arranged(self, names: Sequence[str]) -> Weights:
        """The same weights in the order of `names`. Raises ValueError for other features."""
        if set(names) != set(self.names):
            raise ValueError(
                f"names are {', '.join(names)}; accepted: {', '.join(self.names)}, in any order"
            )
        by_name = {feature.name: feature for feature in self.features}
        return replace(self, features=tuple(by_name[name] for name in names))

    def ready(self, min_labels: int) -> bool:
        """Whether the model may speak: `min_labels` labels learnt, both outcomes among them.

        And foretold better than the static cadence did, before they were learnt.
        """
        seen = self.labels >= min_labels and 0 < self.churned < self.labels
        return seen and self.log_loss < self.static_log_loss
