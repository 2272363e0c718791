"""Files instead of topics: the same ingest, the same order, the same engine, and no broker.

Rows are spread over partitions as Kafka would spread them; each partition is the worker's own
`PartitionLife`. The input that is least far is read next, so that little has to wait for others.
What is decided of a customer depends on their own events, and where ranks by value, a budget of
alerts or a calendar that is learnt count, on the other customers of their partition: then spread
them as the topics do.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.engine import Decisions
from detectors.observations import Input
from detectors.state import CustomerState
from schemas.dead_letters import DeadLetter
from streams.kafka.columns import (
    COLUMNS,
    HEADERS_END,
    HEADERS_START,
    KEY_END,
    KEY_START,
    OFFSET,
    TIME,
    VALUE_END,
    VALUE_START,
    Fetched,
)
from streams.partition.life import PartitionLife
from streams.settings import Settings, detector_profile, with_partitions
from streams.sources.kafka import partition_of
from streams.sources.rows import Refused, Rows

_NO_HEADERS = b"\x00"  # a header block: the number of headers as a varint


@dataclass(slots=True)
class Step:
    """What came of one chunk of rows: decisions beside their partition's state; refused rows."""

    rows: int = 0
    decisions: list[tuple[CustomerState, Decisions]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class Outage(NamedTuple):
    """When an input of a partition was out, by plan or not; seconds since the epoch."""

    begin: float
    end: float
    source: Input
    partition: int


class Replay:
    """One pass over files, from an empty state.

    Args:
        settings: detector parameters, tenant and topic names; the broker is not asked.
        partitions: over how many the customers are spread, at least 1.
    """

    def __init__(self, settings: Settings, partitions: int = 1) -> None:
        if partitions < 1:
            raise ValueError(f"partitions must be at least 1, got {partitions}")
        profile = detector_profile(with_partitions(settings, partitions))
        starts = dict.fromkeys(Input, (0, False))
        names = settings.topics.inputs
        self.lives = [PartitionLife(n, profile, names, starts) for n in range(partitions)]
        for life in self.lives:
            life.finish_recovery()
        self._places: dict[bytes, int] = {}
        self._positions = dict.fromkeys(Input, 0)

    def run(self, sources: Mapping[Input, Iterator[Rows]]) -> Iterator[Step]:
        """Read all sources to their ends; each source's rows in the order in which they count."""
        reached = dict.fromkeys(sources, -np.inf)
        ended = [source for source in Input if source not in sources]
        while reached:
            source = min(reached, key=lambda s: (reached[s], s))
            rows = next(sources[source], None)
            step = Step()
            if rows is None:
                del reached[source]
                ended.append(source)
            else:
                step.rows = len(rows.values)
                step.refused = self._take(rows)
                reached[source] = np.fmax.reduce(rows.times, initial=reached[source])
            self._tick(step, ended)
            yield step

    def _tick(self, step: Step, ended: list[Input]) -> None:
        """Inputs at their ends follow the latest event of all partitions: these end together."""
        latest = max(max(life.timeline.watermarks) for life in self.lives)
        if len(ended) == len(Input):
            latest = float(np.nextafter(latest, np.inf))  # the last event itself counts too
        for life in self.lives:
            life.tick(ended if np.isfinite(latest) else [], latest)
            snapshot = life.snapshot(0)
            if snapshot is not None:
                step.decisions += [(life.state, made) for made in snapshot.decisions]

    def outages(self) -> list[Outage]:
        """Of all partitions, as far as they are kept, in order."""
        found = [
            Outage(begin, end, source, life.number)
            for life in self.lives
            for source in Input
            for begin, end in life.state.outages(source)
        ]
        return sorted(found)

    def find(self, customer_id: str) -> tuple[CustomerState, int] | None:
        """The customer's partition and row, if any event of theirs was read."""
        key = customer_id.encode()
        state = self.lives[self._place(key)].state
        row = state.find(key)
        return None if row < 0 else (state, row)

    def _take(self, rows: Rows) -> list[Refused]:
        first = self._positions[rows.source]
        after = self._positions[rows.source] = first + len(rows.values)
        places = np.array([self._place(key) for key in rows.keys])
        data, columns = as_columns(rows, first)
        refused = []
        for number, life in enumerate(self.lives):
            mine = columns if len(self.lives) == 1 else columns[places == number]
            taken = life.take(rows.source, Fetched(data, mine, first, after), None)
            refused += refusals(rows, taken.dead_letters, first)
        return sorted(refused, key=lambda row: row.line)

    def _place(self, key: bytes) -> int:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = partition_of(key, len(self.lives))
        return place


def refusals(rows: Rows, letters: Iterable[DeadLetter], first: int) -> list[Refused]:
    """What was refused of rows whose first has the offset `first`."""
    return [
        Refused(
            rows.path,
            int(rows.lines[letter.offset - first]),
            rows.source.name.lower(),
            letter.reason,
            letter.message,
            letter.value or b"",
        )
        for letter in letters
    ]


def as_columns(rows: Rows, first: int) -> tuple[bytes, NDArray[np.int64]]:
    """The rows as a fetch holds them: values, then keys, then one empty header block for all."""
    data = b"".join([*rows.values, *rows.keys, _NO_HEADERS])
    count = len(rows.values)
    lengths = np.fromiter(map(len, [*rows.values, *rows.keys]), np.int64, 2 * count)
    ends = np.cumsum(lengths)
    columns = np.empty((count, COLUMNS), np.int64)
    columns[:, OFFSET], columns[:, TIME] = np.arange(first, first + count), -1
    columns[:, VALUE_END], columns[:, KEY_END] = ends[:count], ends[count:]
    columns[:, VALUE_START] = ends[:count] - lengths[:count]
    columns[:, KEY_START] = ends[count:] - lengths[count:]
    columns[:, HEADERS_START], columns[:, HEADERS_END] = len(data) - 1, len(data)
    return data, columns
