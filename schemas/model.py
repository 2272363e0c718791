"""The online model as it travels: JSON numbers, read by name. Nothing is ever unpickled.

Topic `offbeat.model`, one partition, compacted. A record is both the version that workers score
with and the state that the trainer continues from; it is written in the transaction that moves the
trainer's position in `offbeat.examples` to `next_offset`.

Versions take effect on a grid of event time. All records for one point of the grid share a key
(`key`), so compaction keeps the newest record of each of the last `VERSIONS` points: a worker that
starts finds the version in effect as well as those that are still to come.
"""

from hashlib import blake2b
from typing import Annotated, Literal

import msgspec

from schemas.examples import Instant

# The newest takes effect one to two grid steps after the last label, so a reader needs three; eight
# also serve one that lags days of event time behind.
VERSIONS = 8


class ModelFeature(msgspec.Struct, frozen=True, kw_only=True):
    """One feature: running mean and population variance, and its weight in log-odds a deviation.

    `squared_gradients` is AdaGrad's running sum: the learning rate is divided by its root.
    """

    name: str
    mean: float
    variance: Annotated[float, msgspec.Meta(ge=0)]
    weight: float
    squared_gradients: Annotated[float, msgspec.Meta(ge=0)]


class ModelDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The watch over the model's own error: its window of errors in per cent, and drifts found."""

    errors: list[Annotated[int, msgspec.Meta(ge=0, le=100)]] = []
    drifts: Annotated[int, msgspec.Meta(ge=0)] = 0


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One version.

    `logit = intercept + sum of weight * (x - mean) / sqrt(variance)` over the features; one without
    variance adds nothing. It may be scored with from `effective_from` on, and only if `ready`.
    `labels` of them learnt, `churned` with outcome 1, the last at `labelled_until`; `log_loss` and
    `static_log_loss` in nats a label, each predicted before it was learnt.
    """

    schema: Literal["offbeat.model.v1"] = "offbeat.model.v1"
    version: str
    parent: str | None
    effective_from: Instant
    ready: bool
    next_offset: Annotated[int, msgspec.Meta(ge=0)]
    labelled_until: Instant
    labels: Annotated[int, msgspec.Meta(ge=0)]
    churned: Annotated[int, msgspec.Meta(ge=0)]
    log_loss: float
    static_log_loss: float
    intercept: float
    features: Annotated[list[ModelFeature], msgspec.Meta(min_length=1)]
    drift: ModelDrift = ModelDrift()


def key(grid_point: int) -> bytes:
    """The record's key: `grid_point` is `effective_from` counted in steps of the grid."""
    return b"churn/%d" % (grid_point % VERSIONS)


def digest(model: Model) -> str:
    """The version that a model's content gives it: 16 hex digits over all but `version` itself."""
    content = msgspec.json.encode(msgspec.structs.replace(model, version=""))
    return blake2b(content, digest_size=8).hexdigest()


_DECODER = msgspec.json.Decoder(Model)


def decode(value: bytes) -> Model:
    """The record. Raises msgspec.DecodeError or its ValidationError, which names the path."""
    return _DECODER.decode(value)
