"""What the pages are shown of a partition: to look at, never to change."""

from collections.abc import Mapping
from typing import NamedTuple

from detectors.observations import Input
from streams.partition.life import PartitionLife


class Seen(NamedTuple):
    """One partition of this process, between two awaits."""

    life: PartitionLife
    ends: Mapping[Input, int | None]  # of the inputs, as of the last fetch; None: not known yet
    saved_at: float | None  # wall time of the last checkpoint of this process; None: none yet
    saving: bool  # a checkpoint is under way
