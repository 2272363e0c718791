"""What the online model learns from: a customer's features at one moment, and what came of it.

Topic `offbeat.examples`, one partition, no key. Written once the outcome is certain, a horizon
after the snapshot; of both outcomes, because labels of those who return bias a model. Whose it was
is not in it: nothing that learns needs to know, and what is not there need not be erased.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from typing import Annotated, Any, Literal

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


def encode_all(
    snapshot_times: Iterable[float],
    label_times: Iterable[float],
    outcomes: Iterable[Literal[0, 1]],
    features: Mapping[str, Iterable[float]],
    static_logits: Iterable[float],
) -> list[bytes]:
    """The records' bytes from columns: times in seconds since the epoch, each feature by its name.

    Numbers must be finite: JSON has no other, and a reader refuses the null that would stand there.
    """
    rows = zip(
        map(datetime.fromtimestamp, snapshot_times, repeat(UTC)),
        map(datetime.fromtimestamp, label_times, repeat(UTC)),
        outcomes,
        map(_features(tuple(features)), *features.values()),
        static_logits,
        strict=True,
    )
    buffer = bytearray()  # the encoder's own would grow anew for each
    values = []
    for snapshot_time, label_time, outcome, own, static_logit in rows:
        example = Example(
            snapshot_time=snapshot_time,
            label_time=label_time,
            outcome=outcome,
            features=own,
            static_logit=static_logit,
        )
        _ENCODER.encode_into(example, buffer)
        values.append(bytes(buffer))
    return values


def encode(
    times: tuple[float, float],
    outcome: Literal[0, 1],
    features: Mapping[str, float],
    static_logit: float,
) -> bytes:
    """One record; `times` are snapshot and label."""
    columns = {name: (value,) for name, value in features.items()}
    snapshot_time, label_time = times
    return encode_all((snapshot_time,), (label_time,), (outcome,), columns, (static_logit,))[0]


@lru_cache(16)
def _features(names: tuple[str, ...]) -> Callable[..., Any]:
    """Makes what is written as a mapping of these names: a record costs a third of a dict."""
    return msgspec.defstruct("Features", [(name, float) for name in names], frozen=True, gc=False)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Example)


def decode(value: bytes) -> Example:
    """The record. Raises msgspec.DecodeError or its ValidationError, which names the path."""
    return _DECODER.decode(value)
