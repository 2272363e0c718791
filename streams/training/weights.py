"""Between the model's weights (`detectors`) and its record on the wire (`schemas`)."""

from dataclasses import asdict
from typing import Any

import msgspec

from detectors.learning.weights import DriftState, FeatureWeights, Weights
from schemas.model import Model, ModelDrift, ModelFeature


def from_record(record: Model) -> Weights:
    """Raises ValueError that names the field in a record that contradicts itself."""
    return Weights(
        features=tuple(FeatureWeights(**msgspec.structs.asdict(f)) for f in record.features),
        intercept=record.intercept,
        labels=record.labels,
        churned=record.churned,
        log_loss=record.log_loss,
        static_log_loss=record.static_log_loss,
        drift=DriftState(tuple(record.drift.errors), record.drift.drifts),
    )


def record_fields(weights: Weights) -> dict[str, Any]:
    """The part of `Model` that the weights decide, by field name."""
    return {
        "features": [ModelFeature(**asdict(feature)) for feature in weights.features],
        "intercept": weights.intercept,
        "labels": weights.labels,
        "churned": weights.churned,
        "log_loss": weights.log_loss,
        "static_log_loss": weights.static_log_loss,
        "drift": ModelDrift(errors=list(weights.drift.errors), drifts=weights.drift.drifts),
    }
