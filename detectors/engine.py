"""The whole interface of the core: apply observations, advance time; both return decisions.

Whatever is due is taken at its own time and evaluated there, before the next observation of the
same customer counts. What a customer's decision may know of the others (their ranks by value, a
budget, the clock where it learns, whether an input is out) is frozen at the boundaries of days,
hours or weeks: everything before a boundary is taken before it is crossed, and the rest sees what
was frozen there. So batch boundaries, ticks and the interleaving of customers change nothing.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.clock.guard import judge_hours
from detectors.compiled import Bytes, Rows, by_name
from detectors.customer import CUSTOMER
from detectors.judgement.episodes import DECISION
from detectors.judgement.policy import boundary_seconds
from detectors.learning.features import EXAMPLE
from detectors.observations import OBSERVATION, Batch
from detectors.passes import advance_blocks, apply_ahead
from detectors.records import joined, picked
from detectors.state import CustomerState
from detectors.steps import freeze

CHUNK = 1024  # decisions a kernel writes before it hands over: under 1 MB of buffers

Buffers: TypeAlias = tuple[Rows, Rows, Rows, NDArray[np.int64], Rows]
"""Where kernels write: DECISION, CUSTOMER and EXAMPLE[CHUNK], how many [2] and whether an hour has
ended in an outage, POPULATION[1]."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided, sorted by (time, customer id); empty arrays when nothing was."""

    records: NDArray[np.void]  # DECISION
    customers: NDArray[np.void]  # CUSTOMER: the row beside each record, as it is right after
    examples: NDArray[np.void]  # EXAMPLE, sorted by (label_time, customer id)


def apply(state: CustomerState, batch: Batch) -> Decisions:
    """Take a batch, sorted by (effective_time, input), into the state.

    A due of a customer is taken before their next observation if due + allowed lateness lies
    before its effective time. An observation whose id hash is among the customer's last few
    changes nothing and is counted. Raises ValueError for records of another dtype.
    """
    if batch.observations.dtype != OBSERVATION:
        raise ValueError(f"observations must be OBSERVATION, got {batch.observations.dtype}")
    observations = by_name(batch.observations)
    times = batch.observations["effective_time"]
    work = _Work(state)
    first = 0
    while first < len(times):
        state.begin(float(times[first]))
        work.cross(float(times[first]))
        boundary = min(next_freeze(state), state.week_ends, state.maintenance_begins)
        end = int(np.searchsorted(times, boundary, side="left"))
        first += work.observe(observations[first:end], batch.ids)
    return work.done()


def advance(state: CustomerState, watermark: float) -> Decisions:
    """Take every due of every customer with due + allowed lateness < watermark."""
    work = _Work(state)
    if state.population["frozen_at"][0] > 0.0:
        work.cross(watermark)
    work.take_dues(watermark)
    return work.done()


def next_freeze(state: CustomerState) -> float:
    """The first boundary of days or hours that has not been crossed."""
    step = boundary_seconds(state.profile)
    return step * (math.floor(float(state.population["frozen_at"][0]) / step) + 1.0)


class _Work:
    """The kernels over one state, and what they decided so far."""

    def __init__(self, state: CustomerState) -> None:
        self._state = state
        self._decisions = np.empty(CHUNK, DECISION)
        self._customers = np.empty(CHUNK, CUSTOMER)
        self._examples = np.empty(CHUNK, EXAMPLE)
        self._counts = np.zeros(3, np.int64)
        self._buffers: Buffers = (
            by_name(self._decisions),
            by_name(self._customers),
            by_name(self._examples),
            self._counts,
            by_name(state.population),
        )
        self._parts: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []

    def observe(self, observations: Rows, ids: Bytes) -> int:
        """Apply observations up to the next boundary; how many were.

        Not all of them if an hour has ended in which an input was out.
        """
        state = self._state
        rows = by_name(state.rows)

        def run(position: int, profile: Rows) -> int:
            return apply_ahead(
                rows, state.dues, state.dirty, state.hashes, state.earliest,
                observations, ids, profile, *self._buffers, position,
            )  # fmt: skip

        applied = self._run(run, len(observations))
        if applied < len(observations):
            self._stay_out()
        return applied

    def take_dues(self, watermark: float) -> None:
        """Take what is due before the watermark; no boundary lies before it."""
        state = self._state
        rows = by_name(state.rows)

        def run(position: int, profile: Rows) -> int:
            return advance_blocks(
                rows, state.dues, state.dirty, state.earliest, state.size,
                watermark, profile, *self._buffers, position,
            )  # fmt: skip

        self._run(run, state.size)

    def cross(self, time: float) -> None:
        """Cross all boundaries up to that time: take what is due before each, then freeze.

        Those of days and hours before which nothing is due are crossed at once: freezing several of
        them is freezing the last. The first observation ever only says where the boundaries begin.
        At inf, when everything is due that ever will be, no week ends.
        """
        state, step = self._state, boundary_seconds(self._state.profile)
        while True:
            week_ends = state.week_ends if time < np.inf else np.inf
            planned = state.maintenance_begins
            boundary = min(next_freeze(state), week_ends, planned)
            if self._ends_in_an_outage(min(boundary, time)):
                self._stay_out()
                continue
            if boundary > time:
                return
            earliest = state.least_due(time)
            if state.population["frozen_at"][0] == 0.0:
                earliest = time
            elif earliest < boundary:
                self.take_dues(boundary)
                earliest = boundary
            if boundary == planned:
                state.begin_maintenance()
                continue
            if boundary == week_ends:
                state.end_week()
                continue
            if not math.isfinite(until := min(earliest, time, week_ends, planned)):
                return  # nothing will ever be due
            last = step * math.floor(until / step)
            freeze(by_name(state.population), last, by_name(state.parameters))

    def _ends_in_an_outage(self, time: float) -> bool:
        """Judge the hours that are over by then; whether one was found in which an input was out.

        The guard then stands at its end, and the rest is to be judged once `_stay_out` was called.
        """
        state = self._state
        if not state.guard_ends <= time < np.inf:
            return False
        population, profile = by_name(state.population), by_name(state.parameters)
        return bool(judge_hours(population, profile, time))

    def _stay_out(self) -> None:
        """Take what was due before the hour that begins, then let outages last until it ends.

        Dues in the rows stay as they are: each is solved anew when it is taken (`put_off`).
        """
        self.take_dues(float(self._state.population["guard_hour"][0]))
        self._state.prolong_outages()

    def _run(self, kernel: Callable[[int, Rows], int], end: int) -> int:
        """Run a kernel from 0 to `end`, emptying its buffers whenever they are full.

        Where it has come to: short of `end` if an hour has ended in an outage.
        """
        self._state.wind_clock()
        profile = by_name(self._state.parameters)
        position = 0
        while position < end:
            position = kernel(position, profile)
            if self._counts[2]:
                self._counts[2] = 0
                return position
            if position < end:
                self._empty()
        return position

    def _empty(self) -> None:
        said, learnt, _ = self._counts.tolist()
        self._parts.append(
            (
                self._decisions[:said].copy(),
                self._customers[:said].copy(),
                self._examples[:learnt].copy(),
            )
        )
        self._counts[:] = 0

    def done(self) -> Decisions:
        """What was decided, in order; the buffers are given away."""
        said, learnt, _ = self._counts.tolist()
        self._parts.append(
            (self._decisions[:said], self._customers[:said], self._examples[:learnt])
        )
        records, beside, taught = (joined([part[i] for part in self._parts]) for i in range(3))
        if len(records) > 1:
            order = _by_time_and_id(self._state, records, "time")
            records, beside = picked(records, order), picked(beside, order)
        if len(taught) > 1:
            taught = picked(taught, _by_time_and_id(self._state, taught, "label_time"))
        return Decisions(records, beside, taught)


def _by_time_and_id(state: CustomerState, records: NDArray[Any], time: str) -> NDArray[np.int64]:
    """Order by (time, customer id); what one customer says at one time stays in its order."""
    times = records[time]
    order = np.argsort(times, kind="stable")
    if not np.any(np.diff(times[order]) == 0.0):
        return order
    rows = records["row"]
    ids = [state.customer_id(int(row)) for row in rows]
    return np.array(sorted(order.tolist(), key=lambda i: (times[i], ids[i])), np.int64)
