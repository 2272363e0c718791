"""How the stream gets on: each partition of this process, and who has the others."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from detectors.observations import Input
from streams.kafka.partitioner import places
from streams.partition.seen import Seen
from streams.settings import Settings


class Outage(Struct, frozen=True):
    """An input whose silence says nothing now."""

    topic: str
    reason: str
    since: float


class PartitionState(Struct, frozen=True):
    """One partition as of now; times in seconds since the epoch."""

    number: int
    recovering: bool
    customers: int
    watermark: float | None
    behind_seconds: float | None  # the watermark is behind this machine's clock
    lag: int  # records of the inputs that were not read yet
    waiting_bytes: int  # read, and waiting for the other inputs
    state_bytes: int
    saved_at: float | None
    saving: bool
    outages: tuple[Outage, ...]


class Other(Struct, frozen=True):
    """A member of the group and what it was given, as of the last rebalance."""

    pages: str  # where its web server is
    partitions: tuple[int, ...]
    is_this: bool


class Pipeline(Struct, frozen=True):
    """This worker's part of the group."""

    group: str
    partitions: tuple[PartitionState, ...]
    of: int  # partitions of the inputs
    lag: dict[str, int]  # by input
    others: tuple[Other, ...]


def pipeline(
    settings: Settings,
    seen: Iterable[Seen],
    members: Mapping[str, Sequence[int]],
    own: str,
    wall: float,
) -> Pipeline:
    """Put together; `members` are partitions by the address of a member's pages."""
    names, lag, states = settings.topics.inputs, dict.fromkeys(Input, 0), []
    for one in seen:
        life, behind = one.life, 0
        for source in Input:
            at = life.position(source)
            more = max((one.ends[source] or at) - at, 0)
            lag[source] += more
            behind += more
        watermark = life.timeline.watermark
        known = bool(np.isfinite(watermark))
        states.append(
            PartitionState(
                number=life.number,
                recovering=life.recovering,
                customers=life.state.size,
                watermark=watermark if known else None,
                behind_seconds=max(wall - watermark, 0.0) if known else None,
                lag=behind,
                waiting_bytes=sum(map(life.timeline.waiting_bytes, Input)),
                state_bytes=life.state.nbytes,
                saved_at=one.saved_at,
                saving=one.saving,
                outages=tuple(
                    Outage(names[source], *why) for source, why in sorted(life.out().items())
                ),
            )
        )
    return Pipeline(
        group=settings.group,
        partitions=tuple(states),
        of=settings.topics.partitions,
        lag={names[source]: n for source, n in lag.items()},
        others=tuple(
            Other(pages, tuple(sorted(numbers)), pages == own)
            for pages, numbers in sorted(members.items(), key=lambda one: sorted(one[1]))
        ),
    )


def partition_of(settings: Settings, customer_id: str) -> int | None:
    """Where a customer's events belong; None where producers place keys their own way."""
    if settings.topics.partitioner != "murmur2":
        return None
    key = np.frombuffer(customer_id.encode(), np.uint8)
    starts, ends = np.zeros(1, np.int64), np.array([len(key)], np.int64)
    return int(places(key, starts, ends, settings.topics.partitions)[0])
