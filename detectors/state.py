"""One partition's customers: rows, their ids, and which of them changed.

Arrays grow where they are (`detectors.memory`), and `rows`, `dues` and `dirty` may be new arrays
after `locate` and `restore`: read them from the state each time.

One file, somewhat long: whoever touches rows or population has to see them side by side.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.blocks import (
    blocks_of,
    least_due,
    note_rows,
)
from detectors.changed import flags_of, note_clean, take_dirty, words_from, words_of
from detectors.clock.learnt import WEEKLY_DECAY, is_usual, learnt_weights, week_ends, week_of
from detectors.clock.value import HOUR_SECONDS, HOURS, INPUTS, MOST_OUTAGES, fill
from detectors.compiled import by_name, kernel
from detectors.customer import CUSTOMER, WEEK_SECONDS, Hold, Segment, reset
from detectors.index import (
    FREE,
    copy_ids,
    fill_slots,
    find_slot,
    hash_slices,
    locate_all,
    measure_ids,
    row_bits,
    row_in,
    slots_for,
)
from detectors.memory import Column, larger
from detectors.observations import Input
from detectors.profile import Profile

Item = TypeVar("Item", bound=np.generic)

LEARNT_FROM = (Input.PURCHASES, Input.VISITS)  # by the clock, if it learns
CHUNK = 1 << 16  # rows moved at once when customers are removed: 33 MB on the side
CURRENCIES = 4  # that are told apart; values in further ones are not ranked
BUCKETS = 160  # of value in each: 40 octaves, see judgement.ranks
MARKS = 9  # where the second to the tenth tenth of the customers begins
SEGMENTS = len(Segment)
HOLDS = len(Hold)
RANKS = 11  # a customer's tenth by value, 0 = not known

POPULATION = np.dtype(
    [
        ("applied", "i8", (4,)),  # observations applied, by Input
        ("duplicates", "i8", (4,)),  # seen before, by id: changed nothing
        ("out_of_order", "i8", (4,)),  # of the applied: behind the last purchase or visit, no gap
        ("decisions", "i8", (6,)),  # by Status (0 unused)
        ("examples", "i8"),
        ("gap_count", "f8"),  # closed purchase gaps of all customers: n, sum ln g
        ("gap_log_sum", "f8"),
        # the clock, if it learns: counts by local hour of week, those of the weeks before the
        # current one decayed; and that week's number, 0 before the first event
        ("clock_counts", "f8", (HOURS,)),
        ("clock_recent", "i8", (HOURS,)),
        ("clock_week", "i8"),
        # the guard (`clock.guard`), most of it by Input: the hour that is being counted, 0 = none,
        # and how many events there had been when it began; for each local hour of the week how
        # often it was seen, and the usual events of each input in thousandths, with their sum; what
        # was seen and expected of late; the sum of evidence, since when it is above 0, and since
        # when the input is out, 0 = no
        ("guard_hour", "f8"),
        ("guard_from", "i8", (INPUTS,)),
        ("guard_weeks", "i8", (HOURS,)),
        ("guard_rates", "i8", (INPUTS * HOURS,)),
        ("guard_week", "i8", (INPUTS,)),
        ("guard_seen", "f8", (INPUTS,)),
        ("guard_expected", "f8", (INPUTS,)),
        ("guard_evidence", "f8", (INPUTS,)),
        ("guard_since", "f8", (INPUTS,)),
        ("guard_out", "f8", (INPUTS,)),
        # the last planned maintenance that has begun, and the last outages of each input, planned
        # ones included; 0 = none
        ("planned_begin", "f8"),
        ("planned_end", "f8"),
        ("outage_begins", "f8", (INPUTS * MOST_OUTAGES,)),
        ("outage_ends", "f8", (INPUTS * MOST_OUTAGES,)),
        # what is frozen at each boundary, so that all that is decided until the next sees the same
        ("frozen_at", "f8"),  # the last boundary; 0 = none yet
        ("cycle_days", "f8"),  # the shop's usual gap between purchases; 0 = not known
        ("value_counted", "i8", (CURRENCIES,)),  # customers of known value, by currency
        ("value_medians", "f8", (CURRENCIES,)),  # their median value
        ("value_marks", "i8", (CURRENCIES * MARKS,)),  # the bucket at which each tenth begins
        # customers by value: a histogram for each of the first currencies seen
        ("currencies", "u4", (CURRENCIES,)),
        ("value_origins", "f8", (CURRENCIES,)),  # the value in the middle of the middle bucket
        ("values", "i8", (CURRENCIES * BUCKETS,)),
        # segments and policy
        ("transitions", "i8", (SEGMENTS * SEGMENTS,)),  # from, to: Segment (0 = not seen before)
        ("held_back", "i8", (HOLDS,)),  # episodes held back, by Hold (0 unused)
        ("allowance", "f8", (SEGMENTS,)),  # alerts that may still be opened, as of `frozen_at`
        ("announced", "i8", (SEGMENTS,)),  # opened since `frozen_at`
        ("candidates", "i8", (SEGMENTS * RANKS,)),  # would have opened today, by value
        ("demand", "f8", (SEGMENTS * RANKS,)),  # the same on the days before, discounted
        ("demand_periods", "f8"),  # how many days `demand` stands for (longer ones, below 1 a day)
        ("alert_floors", "i8", (SEGMENTS,)),  # least value that is announced; RANKS = none is
        ("erased_open", "i8"),  # episodes that were open and announced when their customer went
        # customers given up, announced or not; the whole seconds between the first and the last
        # that was seen of each; and those of them who came back
        ("churned", "i8"),
        ("churned_seconds", "i8"),
        ("reactivated", "i8"),
    ],
    align=True,
)
"""What the partition's own record carries beside positions: counts and sums, numbers only."""


@kernel
def _reset_rows(rows: NDArray[np.void], first: int, end: int) -> None:
    for row in range(first, end):
        reset(rows[row])


@kernel
def _restore_rows(
    rows: NDArray[np.uint64], where: NDArray[np.int32], restored: NDArray[np.uint64]
) -> None:
    """Rows as words: to copy them field by field is many times as slow."""
    for i in range(where.shape[0]):
        row = np.uint64(where[i])  # unsigned: a copy of memory
        for j in range(rows.shape[1]):
            rows[row, j] = restored[i, j]


class CustomerState:
    """Rows and index of one partition; everything that decides is in `engine`.

    rows: CUSTOMER[capacity], the first `size` in use; dues: their `due`; earliest: of sixteen rows
    at once (`detectors.blocks`); dirty: which changed since `take_dirty` (`detectors.changed`);
    population: POPULATION[1]; parameters: the profile's record with the clock in effect, outages
    included; week_ends: when the next clock takes its place, inf if it does not learn (or nothing
    was seen yet).
    """

    def __init__(self, profile: Profile, capacity: int = 1024) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity!r}")
        self.profile = profile
        self.parameters: NDArray[np.void] = profile.records.copy()
        self.week_ends = np.inf
        self.size = 0
        self.population: NDArray[np.void] = np.zeros(1, POPULATION)
        self._rows = Column[np.void](CUSTOMER, capacity)
        self._earliest = Column[np.float64](np.float64, blocks_of(capacity))
        self._earliest.items[:] = np.inf
        self._dirty = Column[np.uint64](np.uint64, words_of(capacity))
        self._hashes = Column[np.uint64](np.uint64, capacity)
        self._ids = Column[np.uint8](np.uint8, capacity * 16)
        self._id_ends = Column[np.int32](np.int32, capacity + 1)
        self._slots = Column[np.uint32](np.uint32, slots_for(capacity))
        self._slots.items[:] = FREE
        self._clock_is_old = False

    @property
    def rows(self) -> NDArray[np.void]:
        """CUSTOMER[capacity]."""
        return self._rows.items

    @property
    def dues(self) -> NDArray[np.float64]:
        """`due` of each row, where it stands in the row."""
        return self._rows.items["due"]

    @property
    def dirty(self) -> NDArray[np.uint64]:
        """A bit for each row: whether it changed since `take_dirty`."""
        return self._dirty.items

    @property
    def earliest(self) -> NDArray[np.float64]:
        """No due of the block is before; float64[blocks]."""
        return self._earliest.items

    @property
    def ids(self) -> NDArray[np.uint8]:
        """The customers' ids, one after the other."""
        return self._ids.items

    @property
    def id_ends(self) -> NDArray[np.int32]:
        """Row r has the id `ids[id_ends[r]:id_ends[r + 1]]`."""
        return self._id_ends.items

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """hash_slices of each row's id: spreads what customers do by the grid."""
        return self._hashes.items

    @property
    def nbytes(self) -> int:
        """Memory of rows and index, what is kept ready for new customers included."""
        return sum(
            column.items.nbytes
            for column in (
                *(self._rows, self._dirty, self._earliest, self._hashes),
                *(self._ids, self._id_ends, self._slots),
            )
        )

    def locate(
        self, keys: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Rows of the customers `keys[starts[i]:ends[i]]`; unknown ones are added.

        Raises OverflowError where a partition's ids take 2 GiB: some 50 million customers with long
        ones.
        """
        rows = np.empty(starts.shape[0], np.int32)
        position = 0
        known = self.size
        hashed = hash_slices(keys, starts, ends)
        with np.errstate(over="ignore"):  # hashes are modulo 2**64
            while True:
                self.size, position = locate_all(
                    self._slots.items, row_bits(len(self.rows)), self.hashes, self.ids,
                    self.id_ends, self.size, keys, starts, ends, hashed, rows, position,
                )  # fmt: skip
                if position == starts.shape[0]:
                    break
                self._grow(int(ends[position] - starts[position]))
        _reset_rows(by_name(self.rows), known, self.size)
        return rows

    def add(self, customer_id: bytes) -> int:
        """The customer's row, a new one if they are not known."""
        key = np.frombuffer(customer_id, np.uint8)
        return int(self.locate(key, np.zeros(1, np.int64), np.array([len(customer_id)]))[0])

    def find(self, customer_id: bytes) -> int:
        """The customer's row, or -1."""
        key = np.frombuffer(customer_id, np.uint8)
        ends = np.array([len(customer_id)])
        hashed = hash_slices(key, np.zeros(1, np.int64), ends)[0]
        slots, bits = self._slots.items, row_bits(len(self.rows))
        slot = find_slot(slots, bits, self.ids, self.id_ends, key, 0, len(customer_id), hashed)
        return int(row_in(slots, slot, bits))

    def customer_id(self, row: int) -> bytes:
        """The id of the customer in `row`."""
        if not 0 <= row < self.size:
            raise IndexError(f"row must be below {self.size}, got {row!r}")
        return self.ids[self.id_ends[row] : self.id_ends[row + 1]].tobytes()

    def ids_of(self, rows: NDArray[np.int32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The customers' ids side by side, and where each ends, a 0 before the first."""
        ends = np.empty(len(rows) + 1, np.int64)
        measure_ids(self.id_ends, rows, self.ids, ends)
        ids = np.empty(int(ends[-1]), np.uint8)
        copy_ids(self.ids, self.id_ends, rows, ends, ids)
        return ids, ends

    def restore(
        self,
        keys: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        rows: NDArray[np.void],
    ) -> None:
        """Put back rows as they were taken; the last one of a customer counts; none is dirty."""
        where = self.locate(keys, starts, ends)
        _restore_rows(_words(self.rows), where, _words(rows))
        note_rows(where, self.dues, self.earliest)
        note_clean(where, self.dirty)

    def least_due(self, before: float) -> float:
        """The least of all dues + allowed lateness if it is below `before`; else one that is not.

        Those that nobody asks for need not be looked up.
        """
        lateness = self.profile.allowed_lateness_seconds
        return float(least_due(self.size, self.dues, self.earliest, before, lateness))

    def restore_population(self, population: Mapping[str, object]) -> None:
        """Put back the population as it was written, by field; unknown fields are left out."""
        for name, value in population.items():
            if name in (POPULATION.names or ()):
                self.population[name] = value
        if self.population["clock_week"][0] and self.profile.clock.learns:
            self._begin_week()
        if not self.profile.guard.enabled:  # else it would find empty hours when it is enabled
            for name in ("guard_hour", "guard_from", "guard_evidence", "guard_out"):
                self.population[name] = 0
        self._clock_is_old = True

    def begin(self, t: float) -> None:
        """Begin to count hours and weeks with the first event, at t, if there was none yet."""
        own = self.population
        if self.profile.guard.enabled and own["guard_hour"][0] == 0.0:
            own["guard_hour"] = own["guard_since"] = math.floor(t / HOUR_SECONDS) * HOUR_SECONDS
            own["guard_from"] = own["applied"] + own["duplicates"]
        if self.profile.clock.learns and self.week_ends == np.inf:
            self.population["clock_week"] = week_of(t, self.profile.clock.offset_seconds)
            self._begin_week()

    def end_week(self) -> None:
        """The week is over: what was counted in it joins what was known."""
        own = self.population
        if is_usual(self.profile.clock, self.week_ends) and not self._was_out(self.week_ends):
            own["clock_counts"] = WEEKLY_DECAY * own["clock_counts"] + own["clock_recent"]
        own["clock_recent"] = 0
        own["clock_week"] += 1
        self._begin_week()

    def _begin_week(self) -> None:
        week, offset = int(self.population["clock_week"][0]), self.profile.clock.offset_seconds
        self.week_ends = week_ends(week, offset)
        self._clock_is_old = True

    @property
    def profile_in_effect(self) -> Profile:
        """The profile with the clock as the current week has it, and with the outages so far."""
        clock = self.profile.clock
        if self.week_ends != np.inf:
            weights = learnt_weights(clock.weights, self.population["clock_counts"][0])
            clock = replace(clock, weights=weights)
        if any(outages := tuple(self.outages(source) for source in range(INPUTS))):
            clock = replace(clock, outages=outages)
        return self.profile if clock is self.profile.clock else replace(self.profile, clock=clock)

    def outages(self, source: int) -> tuple[tuple[float, float], ...]:
        """From when to when an input was out, in order; the last one may end in the next hour."""
        own, mine = self.population, slice(source * MOST_OUTAGES, (source + 1) * MOST_OUTAGES)
        begins, ends = own["outage_begins"][0, mine].tolist(), own["outage_ends"][0, mine].tolist()
        return tuple((begin, end) for begin, end in zip(begins, ends, strict=True) if end)

    @property
    def guard_ends(self) -> float:
        """`guard.hour_ends`."""
        hour = float(self.population["guard_hour"][0])
        return hour + HOUR_SECONDS if hour else np.inf

    @property
    def maintenance_begins(self) -> float:
        """When the next planned maintenance begins; inf if none is planned."""
        window = self._next_maintenance()
        return window[0] if window else np.inf

    def begin_maintenance(self) -> None:
        """All inputs are out until the maintenance that begins now is planned to end."""
        window = self._next_maintenance()
        if window:
            self.population["planned_begin"], self.population["planned_end"] = window
            for source in range(INPUTS):
                self._add_outage(source, *window)

    def prolong_outages(self) -> None:
        """The inputs that the guard has found out stay so for the hour that begins."""
        out = self.population["guard_out"][0]
        for source in np.flatnonzero(out).tolist():
            self._add_outage(source, float(out[source]), self.guard_ends)

    def _next_maintenance(self) -> tuple[float, float] | None:
        planned = self.profile.guard.maintenance
        begun = float(self.population["planned_begin"][0])
        following = bisect_right(planned, begun, key=lambda window: window[0])
        return planned[following] if following < len(planned) else None

    def _add_outage(self, source: int, begin: float, end: float) -> None:
        """Join an outage with those it touches; the oldest ones make room for it."""
        apart = []
        for one in self.outages(source):
            if one[1] < begin or end < one[0]:
                apart.append(one)
            else:
                begin, end = min(begin, one[0]), max(end, one[1])
        known = sorted([*apart, (begin, end)])[-MOST_OUTAGES:]
        known += [(0.0, 0.0)] * (MOST_OUTAGES - len(known))
        first, after = source * MOST_OUTAGES, (source + 1) * MOST_OUTAGES
        self.population["outage_begins"][0, first:after] = [one[0] for one in known]
        self.population["outage_ends"][0, first:after] = [one[1] for one in known]
        self._clock_is_old = True

    def _was_out(self, week_ends: float) -> bool:
        """Whether one of the inputs that the clock learns from was out in the week ending then."""
        return any(
            begin < week_ends and week_ends - WEEK_SECONDS < end
            for source in LEARNT_FROM
            for begin, end in self.outages(source)
        )

    def wind_clock(self) -> None:
        """Bring `parameters` to the current week; weeks in which nothing happens cost nothing."""
        if self._clock_is_old:
            fill(self.parameters, self.profile_in_effect.clock)
            self._clock_is_old = False

    def drop(self, rows: NDArray[np.integer]) -> NDArray[np.int32]:
        """Remove these customers; those behind them move up, and the order stays.

        Returns int32[size before]: the new row of each old one, -1 for those that went. Rows, ids
        and index are then as if they had never come. Takes a copy of the index and moves rows in
        place: a second for ten million customers.
        """
        size = self.size
        keep = np.ones(size, np.bool_)
        keep[rows] = False
        moved = np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
        lengths = np.diff(self.id_ends[: size + 1])
        used, left = int(self.id_ends[size]), int(keep.sum())
        ids = self.ids[:used][np.repeat(keep, lengths)]
        self.ids[: len(ids)], self.ids[len(ids) : used] = ids, 0
        self.id_ends[1 : left + 1] = np.cumsum(lengths[keep])
        self.id_ends[left + 1 : size + 1] = 0
        _close_up(_words(self.rows), keep)  # indexing records leaves what lay between their fields
        _close_up(self.hashes, keep)
        self.size = left
        self.earliest[: blocks_of(size)] = 0.0  # nothing is known of them
        flags = np.zeros(size, np.uint8)
        flags[:left] = flags_of(self.dirty, size)[keep]
        self.dirty[: words_of(size)] = words_from(flags)
        self._fill_slots()
        return moved

    def take_dirty(self) -> NDArray[np.int32]:
        """The rows changed since the last call, in order; they are clean from now on."""
        parts, word = [np.empty(0, np.int32)], 0
        while word < words_of(self.size):
            out = np.empty(CHUNK, np.int32)
            count, word = take_dirty(self.dirty, self.size, word, out)
            parts.append(out[:count])
        return np.concatenate(parts)

    def _grow(self, id_bytes: int) -> None:
        """Make room for at least one more customer with an id of `id_bytes` bytes."""
        needed = int(self.id_ends[self.size]) + id_bytes
        if needed > len(self.ids):
            most = int(np.iinfo(np.int32).max)
            if needed > most:
                raise OverflowError("the ids of a partition's customers take more than 2 GiB")
            self._ids.grow(min(max(larger(len(self.ids)), needed), most))
        capacity = len(self.rows)
        if self.size < capacity:
            return
        capacity = larger(capacity)
        for column in (self._rows, self._hashes):
            column.grow(capacity)
        known = len(self.earliest)
        self._earliest.grow(blocks_of(capacity))
        self.earliest[known:] = np.inf
        self._dirty.grow(words_of(capacity))
        self._id_ends.grow(capacity + 1)
        self._slots.grow(slots_for(capacity))
        self._fill_slots()

    def _fill_slots(self) -> None:
        slots = self._slots.items
        slots[:] = FREE
        fill_slots(slots, row_bits(len(self.rows)), self.hashes, self.size)


def _words(rows: NDArray[np.void]) -> NDArray[np.uint64]:
    return rows.view(np.uint64).reshape(-1, CUSTOMER.itemsize // 8)


def _close_up(array: NDArray[Item], keep: NDArray[np.bool_]) -> None:
    """Move the kept items to the front, a chunk at a time; what is free behind them is zero."""
    kept = np.flatnonzero(keep)
    first = int(np.argmin(keep)) if len(kept) < len(keep) else len(keep)
    for start in range(first, len(kept), CHUNK):
        chunk = kept[start : start + CHUNK]
        array[start : start + len(chunk)] = array[chunk]
    array[len(kept) : len(keep)] = 0
