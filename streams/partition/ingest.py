"""Fetched records to observations: in bulk what is as it should be, one by one what is not.

A chunk of records is decoded and then taken apart column by column. What the bulk does not
recognise is judged alone by `schemas.decode`, which has the last word and the reason. So every
record becomes exactly one observation or one dead letter, and a bad one costs nothing but itself.
An event that lies in another partition than its key's becomes a reroute instead, and what another
group has sent on is passed over.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.index import hash_slices
from detectors.observations import OBSERVATION, Input
from detectors.records import joined, picked
from detectors.state import CustomerState
from schemas.dead_letters import DeadLetter, RejectReason
from schemas.decode import read, unknown_fields
from schemas.events import Event
from schemas.rejections import Rejected
from schemas.reroutes import MAX_HEADER_BYTES, REROUTED, Reroute, rerouted, rerouted_by
from streams.kafka.columns import (
    HEADERS_END,
    HEADERS_START,
    KEY_END,
    KEY_START,
    OFFSET,
    Fetched,
)
from streams.kafka.headers import marked
from streams.kafka.partitioner import places
from streams.partition.fields import observe
from streams.partition.records import Records
from streams.partition.scan import scan
from streams.partition.traces import TRACEPARENT, TRACEPARENT_BYTES, valid_parents

__all__ = ["DeadLetter", "Home", "Ingested", "Reading", "ingest"]

# Counting the fields of a record costs as much as decoding it.
SAMPLED = 512


class Home(NamedTuple):
    """Who reads which partition.

    `partitions` is how many there are, over which murmur2 places the keys; None where every key
    belongs where it lies.
    """

    group: str
    partition: int
    partitions: int | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """One fetch, read: observations in log order, and beside each the offset of its record.

    `ids` holds the event ids that the observations' `id_start` and `id_end` point into.
    `unknown_fields` counts fields that no contract names, in a sample: the first record of each
    `SAMPLED`. `copies` are events that other groups have sent on: the originals count. `traced`
    are the indices of the observations with a trace to follow, `parents` their traceparents.
    """

    observations: NDArray[np.void]
    ids: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    dead_letters: list[DeadLetter]
    unknown_fields: int
    reroutes: list[Reroute]
    copies: int
    traced: NDArray[np.int64]
    parents: NDArray[np.bytes_]


def ingest(
    source: Input,
    fetched: Fetched,
    state: CustomerState,
    *,
    latest_allowed: float | None,
    home: Home | None = None,
) -> Ingested:
    """Read one fetch of an input. Customers who are not yet known are added to the state.

    `latest_allowed` bounds event times, in seconds since the epoch; None allows any. Effective
    times are the event times for now; the timeline sets them. Without a `home` every event counts
    where it lies. What was read of the fetch before (`Reading`) is not read again.
    """
    made = fetched.made
    reading = made if isinstance(made, Reading) else Reading(source, fetched, latest_allowed)
    return reading.finished(state, home)


class Reading:
    """One fetch while it is read; begun without the state, so that another thread can do it."""

    def __init__(self, source: Input, fetched: Fetched, latest_allowed: float | None) -> None:
        self.source = source
        self.name = source.name.lower()
        self.columns = fetched.columns
        self.records = Records(fetched)
        self.latest_allowed = latest_allowed
        self.letters: list[DeadLetter] = []
        self.reroutes: list[Reroute] = []
        self.copies = 0
        scanned = scan(source, fetched, latest_allowed)
        self.observations, self.rows, self.ids = scanned.observations, scanned.rows, scanned.ids
        if len(scanned.left):
            self._add(scanned.left)

    def _add(self, left: NDArray[np.int64]) -> None:
        """Judge one by one what is not in its ordinary form."""
        found = np.zeros(len(left), OBSERVATION)
        found["input"] = self.source
        rows: list[int] = []
        ids = [self.ids.tobytes()]
        used = len(self.ids)
        for row in left.tolist():
            event = self._judged(row)
            if event is not None:
                out = found[len(rows)]
                observe(self.source, event, out)
                ids.append(event.event_id.encode())
                out["id_start"], used = used, used + len(ids[-1])
                out["id_end"] = used
                rows.append(row)
        data = b"".join(ids)
        self.ids = np.frombuffer(bytearray(data), np.uint8)  # writable, as kernels know them
        found = found[: len(rows)]
        found["effective_time"] = found["event_time"]
        starts, ends = (np.ascontiguousarray(found[name]) for name in ("id_start", "id_end"))
        found["id_hash"] = hash_slices(np.frombuffer(data, np.uint8), starts, ends)
        all_rows = np.append(self.rows, rows)
        order = np.argsort(all_rows)
        self.rows = all_rows[order].astype(np.int64)
        self.observations = picked(joined([self.observations, found]), order)

    def _judged(self, row: int) -> Event | None:
        """The event of a record; None, and a dead letter, if it is none."""
        key, value, headers = self.records.parts(row)
        try:
            return read(self.name, key, value, headers, self.latest_allowed)
        except Rejected as error:
            self.letters.append(self.records.dead_letter(row, error))
            return None

    def unknown_fields(self) -> int:
        """How many fields no contract names, in the first of each `SAMPLED` records."""
        return sum(
            unknown_fields(self.name, self.records.parts(row)[1] or b"")
            for row in range(0, len(self.columns), SAMPLED)
        )

    def finished(self, state: CustomerState, home: Home | None) -> Ingested:
        """What was read, with the customers' rows."""
        observations, rows = self.observations, self.rows
        columns = self.columns if len(rows) == len(self.columns) else self.columns[rows]
        starts = np.ascontiguousarray(columns[:, KEY_START])
        ends = np.ascontiguousarray(columns[:, KEY_END])
        begins = np.empty(0, np.int64)
        if home is not None:
            sent_on, begins = marked(
                self.records.bytes, columns, REROUTED, TRACEPARENT, TRACEPARENT_BYTES
            )
            counting = self._counting(sent_on, columns, starts, ends, home)
            if not counting.all():
                observations, columns = observations[counting], columns[counting]
                starts, ends, begins = starts[counting], ends[counting], begins[counting]
        observations["row"] = state.locate(self.records.bytes, starts, ends)
        self.letters.sort(key=lambda letter: letter.offset)
        return Ingested(
            observations,
            self.ids,
            np.ascontiguousarray(columns[:, OFFSET]),
            self.letters,
            self.unknown_fields(),
            self.reroutes,
            self.copies,
            *valid_parents(self.records.bytes, begins),
        )

    def _counting(
        self,
        sent_on: NDArray[np.bool_],
        columns: NDArray[np.int64],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        home: Home,
    ) -> NDArray[np.bool_]:
        """Which of the events count here; the others are sent on, refused, or other groups'.

        `sent_on`: whether somebody has sent them on. `starts`, `ends`: of their keys.
        """
        counting = np.ones(len(columns), np.bool_)
        for i in np.flatnonzero(sent_on):
            by = rerouted_by(self.records.parts(int(self.rows[i]))[2])
            counting[i] = by in (home.group, None)
        self.copies += len(columns) - int(counting.sum())
        if home.partitions is None:
            return counting
        wanted = places(self.records.bytes, starts, ends, home.partitions)
        astray: NDArray[np.bool_] = counting & (wanted != home.partition)
        for i in np.flatnonzero(astray):
            self._send_on(int(self.rows[i]), int(wanted[i]), home, again=bool(sent_on[i]))
        return counting & ~astray

    def _send_on(self, row: int, wanted: int, home: Home, *, again: bool) -> None:
        key, value, headers = self.records.parts(row)
        size = int(self.columns[row, HEADERS_END] - self.columns[row, HEADERS_START])
        if again or size > MAX_HEADER_BYTES:
            why = "was sent on already" if again else f"has {size} bytes of headers: too many"
            problem = f"belongs to partition {wanted}, not {home.partition}, and {why}"
            rejected = Rejected(RejectReason.MISROUTED, "key", problem, "murmur2 of the key")
            self.letters.append(self.records.dead_letter(row, rejected))
            return
        offset = int(self.columns[row, OFFSET])
        headers = rerouted(headers, home.group, home.partition, offset)
        self.reroutes.append(Reroute(offset, wanted, key or b"", value, headers))
