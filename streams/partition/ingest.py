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
from detectors.state import CustomerState
from schemas.dead_letters import DeadLetter, RejectReason
from schemas.decode import DECODERS, check, read, unknown_fields
from schemas.events import MAX_RECORD_BYTES, Event
from schemas.instants import seconds
from schemas.rejections import Rejected
from schemas.reroutes import MAX_HEADER_BYTES, REROUTED, Reroute, rerouted, rerouted_by
from streams.kafka.columns import (
    HEADERS_END,
    HEADERS_START,
    KEY_END,
    KEY_START,
    OFFSET,
    VALUE_END,
    VALUE_START,
    Fetched,
)
from streams.kafka.headers import carriers
from streams.kafka.partitioner import places
from streams.partition import instants
from streams.partition.fields import FILL
from streams.partition.records import Records
from streams.partition.texts import printable, same_slices, texts

__all__ = ["DeadLetter", "Home", "Ingested", "ingest"]

# The decoded events of a chunk stay in the processor's cache until they are taken apart; fewer, and
# numpy's cost a call shows (benchmarks/ingest.py).
CHUNK = 512


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
    `CHUNK`. `copies` are events that other groups have sent on: the originals count.
    """

    observations: NDArray[np.void]
    ids: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    dead_letters: list[DeadLetter]
    unknown_fields: int
    reroutes: list[Reroute]
    copies: int


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
    where it lies.
    """
    reading = _Reading(source, fetched, latest_allowed)
    for first in range(0, len(fetched.columns), CHUNK):
        reading.take(first, min(first + CHUNK, len(fetched.columns)))
    return reading.finished(state, home)


def _values(columns: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Where each value lies.

    Records without key or value, or too large, get an empty slice: that decodes to nothing, so they
    go the way of everything that does not decode.
    """
    key_start, key_end = columns[:, KEY_START], columns[:, KEY_END]
    start, end = columns[:, VALUE_START], columns[:, VALUE_END]
    plain = (key_end > key_start) & (end >= 0)
    plain &= (end - start) + (key_end - key_start) <= MAX_RECORD_BYTES
    return np.where(plain, start, 0).tolist(), np.where(plain, end, 0).tolist()


class _Reading:
    """One fetch while it is read."""

    def __init__(self, source: Input, fetched: Fetched, latest_allowed: float | None) -> None:
        self.source = source
        self.name = source.name.lower()
        self.data = fetched.data
        self.columns = fetched.columns
        self.records = Records(fetched)
        self.latest_allowed = latest_allowed
        self.starts, self.ends = _values(fetched.columns)
        self.observations = np.zeros(len(fetched.columns), OBSERVATION)
        self.rows: list[NDArray[np.int64]] = []  # of `columns`, one an accepted observation
        self.size = 0
        self.ids: list[bytes] = []
        self.ids_size = 0
        self.letters: list[DeadLetter] = []
        self.reroutes: list[Reroute] = []
        self.copies = 0
        self.unknown_fields = 0

    def take(self, first: int, end: int) -> None:
        """Read the records [first, end)."""
        self.unknown_fields += unknown_fields(
            self.name, self.data[self.starts[first] : self.ends[first]]
        )
        events, rows = self._decoded(first, end)
        if events:
            self._columns(events, rows)

    def _decoded(self, first: int, end: int) -> tuple[list[Event], NDArray[np.int64]]:
        """The events of the records, and which record each came from."""
        decode, data = DECODERS[self.name], self.data
        slices = zip(self.starts[first:end], self.ends[first:end], strict=True)
        try:
            return [decode(data[start:stop]) for start, stop in slices], np.arange(first, end)
        except (ValueError, RecursionError):
            return self._decoded_singly(first, end)

    def _decoded_singly(self, first: int, end: int) -> tuple[list[Event], NDArray[np.int64]]:
        """The same for a chunk that holds at least one record that does not decode."""
        decode = DECODERS[self.name]
        events: list[Event] = []
        rows: list[int] = []
        for row in range(first, end):
            event: Event | None
            try:
                event = decode(self.data[self.starts[row] : self.ends[row]])
            except (ValueError, RecursionError):
                event = self._judged(row)
            if event is not None:
                events.append(event)
                rows.append(row)
        return events, np.array(rows, np.int64)

    def _columns(self, events: list[Event], rows: NDArray[np.int64]) -> None:
        """Take events apart into the next observations."""
        out = self.observations[self.size : self.size + len(events)]
        fits = FILL[self.source](events, out)
        times = instants.seconds([event.event_time for event in events])
        fits &= instants.acceptable(times, self.latest_allowed)
        customer_ids = [event.customer_id for event in events]
        fits &= printable(customer_ids)
        customers = texts(customer_ids)
        keys = self.columns[rows, KEY_START], self.columns[rows, KEY_END]
        fits &= same_slices(self.records.bytes, *keys, customers)
        event_ids = [event.event_id for event in events]
        ids = texts(event_ids)
        fits &= printable(event_ids)
        for i in np.flatnonzero(~fits):
            if self._checked(events[i], int(rows[i])):
                times[i] = seconds(events[i].event_time)
                fits[i] = True
        out["event_time"] = times
        out["id_start"] = ids.starts + self.ids_size
        out["id_end"] = ids.ends + self.ids_size
        self.ids.append(ids.data)
        self.ids_size += len(ids.data)
        if not fits.all():
            rows = rows[fits]
            out[: len(rows)] = out[fits]
        self.rows.append(rows)
        self.size += len(rows)

    def finished(self, state: CustomerState, home: Home | None) -> Ingested:
        """What was read, with the customers' rows and the ids' hashes."""
        observations = self.observations[: self.size]
        rows = np.concatenate(self.rows) if self.rows else np.empty(0, np.int64)
        if home is not None:
            counting = self._counting(rows, home)
            if not counting.all():
                observations, rows = observations[counting], rows[counting]
        columns = self.columns[rows]
        ids = np.frombuffer(b"".join(self.ids), np.uint8)
        keys = (
            np.ascontiguousarray(columns[:, KEY_START]),
            np.ascontiguousarray(columns[:, KEY_END]),
        )
        observations["effective_time"] = observations["event_time"]
        observations["input"] = self.source
        observations["row"] = state.locate(self.records.bytes, *keys)
        id_starts = np.ascontiguousarray(observations["id_start"])
        id_ends = np.ascontiguousarray(observations["id_end"])
        observations["id_hash"] = hash_slices(ids, id_starts, id_ends)
        self.letters.sort(key=lambda letter: letter.offset)
        offsets = np.ascontiguousarray(columns[:, OFFSET])
        return Ingested(
            observations,
            ids,
            offsets,
            self.letters,
            self.unknown_fields,
            self.reroutes,
            self.copies,
        )

    def _counting(self, rows: NDArray[np.int64], home: Home) -> NDArray[np.bool_]:
        """Which of the events count here; the others are sent on, refused, or other groups'."""
        columns = self.columns[rows]
        counting = np.ones(len(rows), np.bool_)
        sent_on = carriers(self.records.bytes, columns, REROUTED)
        for i in np.flatnonzero(sent_on):
            by = rerouted_by(self.records.parts(int(rows[i]))[2])
            counting[i] = by in (home.group, None)
        self.copies += len(rows) - int(counting.sum())
        if home.partitions is None:
            return counting
        starts = np.ascontiguousarray(columns[:, KEY_START])
        ends = np.ascontiguousarray(columns[:, KEY_END])
        wanted = places(self.records.bytes, starts, ends, home.partitions)
        astray: NDArray[np.bool_] = counting & (wanted != home.partition)
        for i in np.flatnonzero(astray):
            self._send_on(int(rows[i]), int(wanted[i]), home, again=bool(sent_on[i]))
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

    def _judged(self, row: int) -> Event | None:
        """The event of a record that did not decode; None, and a dead letter, if it is none."""
        key, value, headers = self.records.parts(row)
        try:
            return read(self.name, key, value, headers, self.latest_allowed)
        except Rejected as error:
            self.letters.append(self.records.dead_letter(row, error))
            return None

    def _checked(self, event: Event, row: int) -> bool:
        """Whether an event that the columns did not take is acceptable all the same."""
        try:
            check(self.name, event, self.records.key(row) or b"", self.latest_allowed)
        except Rejected as error:
            self.letters.append(self.records.dead_letter(row, error))
            return False
        return True
