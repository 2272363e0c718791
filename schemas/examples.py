"""What the online model learns from: a customer's features at one moment, and what came of it.

Topic `offbeat.examples`, one partition, no key. Written once the outcome is certain, a horizon
after the snapshot; of both outcomes, because labels of those who return bias a model. Whose it was
is not in it: nothing that learns needs to know, and what is not there need not be erased.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Example(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One label. `outcome` 1: no purchase between `snapshot_time` and `label_time`; 0: one came.

    `features` holds each feature's value by name, unscaled; `static_logit` the log-odds of outcome
    1 that the customer's cadence alone gave at the snapshot.
    """

    schema: Literal["offbeat.example.v1"] = "offbeat.example.v1"
    snapshot_time: Instant
    label_time: Instant
    outcome: Literal[0, 1]
    features: dict[str, float]
    static_logit: float


def encode(
    times: tuple[float, float],
    outcome: Literal[0, 1],
    features: Mapping[str, float],
    static_logit: float,
) -> bytes:
    """The record's bytes; `times` are snapshot and label, in seconds since the epoch.

    Numbers must be finite: JSON has no other, and a reader refuses the null that would stand there.
    """
    snapshot_time, label_time = (datetime.fromtimestamp(time, UTC) for time in times)
    return msgspec.json.encode(
        Example(
            snapshot_time=snapshot_time,
            label_time=label_time,
            outcome=outcome,
            features=dict(features),
            static_logit=static_logit,
        )
    )


_DECODER = msgspec.json.Decoder(Example)


def decode(value: bytes) -> Example:
    """The record. Raises msgspec.DecodeError or its ValidationError, which names the path."""
    return _DECODER.decode(value)
