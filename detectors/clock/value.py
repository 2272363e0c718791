"""An operational clock as a value, and as the table that kernels read.

A clock runs by a weekly rhythm: 168 weights, one an hour from Monday 0:00 local time on, 1 on the
average, so that a whole week always counts seven days. In closed intervals it stands still. Local
time is UTC plus an offset, which may shift (summer time).

The table cuts time into stretches at every beginning and end of a closed interval and at every
shift. Within an open one, with P the integral of the weekly rhythm over local time,

    reading(t) = base + P(t + offset)

where `base` makes it continuous; within a closed one it is constant. So a reading takes one binary
search among the stretches, and no time in the number of weeks.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Row
from detectors.customer import DAY_SECONDS, WEEK_SECONDS
from detectors.observations import Input

HOURS = 168
INPUTS = len(Input)
HOUR_SECONDS = 3600.0
MONDAY_SECONDS = 259_200.0  # the epoch was a Thursday: so long after a Monday 0:00
# Fifty years of a country with 30 public holidays, each a stretch and the one after it, and of
# shifts twice a year; the table has 160 KB.
MOST_STRETCHES = 4096
MOST_OUTAGES = 32  # of an input that are kept: one a week for half a year
EVEN = 1e-12  # weights whose mean is so near to 1 are normalised already
FLAT = (1.0,) * HOURS

CLOCK = np.dtype(
    [
        ("clock_flat", "f8"),  # 1: plain time, whatever else stands here
        ("clock_learns", "f8"),  # 1: purchases are counted by hour of week
        ("clock_weights", "f8", (HOURS,)),
        ("clock_passed", "f8", (HOURS + 1,)),  # seconds counted since Monday 0:00, hour by hour
        ("clock_stretches", "f8"),  # how many of the following are in use
        ("clock_begins", "f8", (MOST_STRETCHES + 1,)),  # -inf for the first, inf after the last
        ("clock_readings", "f8", (MOST_STRETCHES + 1,)),  # at the beginnings
        ("clock_bases", "f8", (MOST_STRETCHES,)),
        ("clock_offsets", "f8", (MOST_STRETCHES,)),  # of local time, from a Monday 0:00 on
        ("clock_open", "f8", (MOST_STRETCHES,)),  # 1, or 0 for a closed one
        # by Input: how many outages, and from when to when each of them
        ("outage_count", "f8", (INPUTS,)),
        ("outage_begins", "f8", (INPUTS * MOST_OUTAGES,)),
        ("outage_ends", "f8", (INPUTS * MOST_OUTAGES,)),
    ]
)
"""What kernels read of a clock; the same fields are part of a profile's record."""


@dataclass(frozen=True)
class Clock:
    """When a shop's customers may be expected; times in seconds since the epoch.

    Without arguments it is flat: its days are plain days, to the last bit.

    Args:
        weights: one an hour of the local week from Monday 0:00 on, at least 0, some above; they
            are scaled to 1 on the average.
        offset_seconds: what local time is ahead of UTC, at most a day.
        shifts: (since, offset) where it changes, in order.
        closed: (begin, end) in which nothing counts as silence, in order and apart.
        learns: whether the weights are learnt from what is bought when (`clock.learnt`); those
            given are then what is assumed at first.
        outages: by Input, (begin, end) in which nothing of it could be seen, in order and apart
            (`clock.outages`); they come from the state, not from settings.

    Raises ValueError that names what is out of range.
    """

    weights: tuple[float, ...] = FLAT
    offset_seconds: float = 0.0
    shifts: tuple[tuple[float, float], ...] = ()
    closed: tuple[tuple[float, float], ...] = ()
    learns: bool = False
    outages: tuple[tuple[tuple[float, float], ...], ...] = ((),) * INPUTS

    def __post_init__(self) -> None:
        if len(self.weights) != HOURS:
            raise ValueError(f"weights must be {HOURS}, one an hour, got {len(self.weights)}")
        for hour, weight in enumerate(self.weights):
            if not (math.isfinite(weight) and weight >= 0.0):
                raise ValueError(f"weights[{hour}] must be finite and at least 0, got {weight!r}")
        mean = math.fsum(self.weights) / HOURS
        if not (mean > 0.0 and math.isfinite(mean)):
            raise ValueError("weights must not all be 0")
        if abs(mean - 1.0) > EVEN:
            even = min(self.weights) == max(self.weights)
            scaled = FLAT if even else tuple(weight / mean for weight in self.weights)
            object.__setattr__(self, "weights", scaled)
        self._check_times()

    def _check_times(self) -> None:
        for offset in (self.offset_seconds, *(offset for _, offset in self.shifts)):
            if not abs(offset) <= DAY_SECONDS:
                raise ValueError(f"an offset must be within a day of UTC, got {offset!r}")
        times = [time for interval in self.closed for time in interval]
        if not all(map(math.isfinite, [*times, *(since for since, _ in self.shifts)])):
            raise ValueError("shifts and closed intervals must be finite")
        for one, other in pairwise(self.shifts):
            if not one[0] < other[0]:
                raise ValueError(f"shifts must be in order, got {one[0]!r} before {other[0]!r}")
        for begin, end in self.closed:
            if not begin < end:
                raise ValueError(f"a closed interval must end after {begin!r}, got {end!r}")
        for (_, end), (begin, _) in pairwise(self.closed):
            if not end <= begin:
                raise ValueError(f"closed intervals must be in order and apart, got {begin!r}")
        if 2 * len(self.closed) + len(self.shifts) + 1 > MOST_STRETCHES:
            raise ValueError(
                f"a clock holds {(MOST_STRETCHES - 1) // 2} closed intervals (a shift counts as "
                f"half of one), got {len(self.closed)} and {len(self.shifts)} shifts"
            )

        if len(self.outages) != INPUTS or max(map(len, self.outages)) > MOST_OUTAGES:
            raise ValueError(f"outages must be at most {MOST_OUTAGES} of each of {INPUTS} inputs")

    @property
    def flat(self) -> bool:
        """Whether its days are plain days."""
        return not self.closed and min(self.weights) == max(self.weights)

    @cached_property
    def records(self) -> NDArray[np.void]:
        """The clock as an array of one CLOCK."""
        table = np.zeros(1, CLOCK)
        fill(table, self)
        return table

    @property
    def record(self) -> Row:
        """The clock as one record with attributes, for kernels called one by one."""
        return self.records.view(np.recarray)[0]


FLAT_CLOCK = Clock()


def fill(table: NDArray[np.void], clock: Clock) -> None:
    """Write the clock into the CLOCK fields of a table of one record."""
    t = table[0]
    t["clock_flat"], t["clock_learns"] = clock.flat, clock.learns
    t["clock_weights"] = clock.weights
    t["clock_passed"] = passed = _passed(np.array(clock.weights))
    begins, offsets, is_open = _stretches(clock)
    count = len(begins)
    rhythm = _counted(np.array(clock.weights), passed, np.append(begins[1:], begins[-1]) + offsets)
    at_begin = _counted(np.array(clock.weights), passed, begins + offsets)
    # the first stretch has no beginning, so its base is 0; each of the others takes up what the
    # one before it has come to
    readings = np.empty(count)
    bases = np.zeros(count)
    readings[0] = -np.inf
    reached = rhythm[0]
    if count > 1:
        lengths = np.where(is_open, np.maximum(rhythm - at_begin, 0.0), 0.0)[1:]
        readings[1:] = reached + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
        bases[1:] = readings[1:] - at_begin[1:]
    t["clock_stretches"] = count
    for name, values, after in (
        ("clock_begins", begins, np.inf),
        ("clock_readings", readings, np.inf),
        ("clock_bases", bases, 0.0),
        ("clock_offsets", offsets, 0.0),
        ("clock_open", is_open, 1.0),
    ):
        t[name][:count] = values
        t[name][count:] = after
    t["clock_begins"][0] = -np.inf
    for source, outages in enumerate(clock.outages):
        t["outage_count"][source] = len(outages)
        first = source * MOST_OUTAGES
        for i, (begin, end) in enumerate(outages, first):
            t["outage_begins"][i], t["outage_ends"][i] = begin, end


def _passed(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds counted since Monday 0:00 at each full hour: never falling, at last a week."""
    passed = np.zeros(HOURS + 1)
    np.cumsum(weights * HOUR_SECONDS, out=passed[1:])
    np.minimum(passed, WEEK_SECONDS, out=passed)
    passed[np.flatnonzero(weights)[-1] + 1 :] = WEEK_SECONDS
    return passed


def _stretches(
    clock: Clock,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Beginning (of the first: a finite stand-in), offset and openness of every stretch."""
    closed = np.array(clock.closed).reshape(-1, 2)
    shifts = np.array(clock.shifts).reshape(-1, 2)
    cuts = np.unique(np.concatenate([closed.ravel(), shifts[:, 0]]))
    first = cuts[0] - 1.0 if cuts.size else 0.0
    begins = np.concatenate([[first], cuts])
    known = np.concatenate([[clock.offset_seconds], shifts[:, 1]])
    offsets = known[np.searchsorted(shifts[:, 0], begins, side="right")] + MONDAY_SECONDS
    edges = np.searchsorted(closed.ravel(), begins, side="right")
    return begins, offsets, edges % 2 == 0


def _counted(
    weights: NDArray[np.float64], passed: NDArray[np.float64], local: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`reading.counted` of many local times, in the same arithmetic."""
    weeks = np.floor(local / WEEK_SECONDS)
    rest = np.maximum(local - weeks * WEEK_SECONDS, 0.0)
    hours = np.minimum((rest / HOUR_SECONDS).astype(np.int64), HOURS - 1)
    within = passed[hours] + weights[hours] * (rest - HOUR_SECONDS * hours)
    return np.asarray(weeks * WEEK_SECONDS + np.minimum(within, WEEK_SECONDS))
