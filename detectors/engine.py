"""The whole interface of the core: apply observations, advance time; both return decisions.

Whatever is due is taken at its own time and evaluated there, before the next observation of the
same customer counts. What a customer's decision may know of the others (their ranks by value, a
budget) is frozen at the boundaries of days or hours: everything before a boundary is taken before
it is crossed, and the rest sees what was frozen there. So batch boundaries, ticks and the
interleaving of customers change nothing.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Bytes, Rows, by_name
from detectors.customer import CUSTOMER
from detectors.judgement.episodes import DECISION
from detectors.judgement.policy import boundary_seconds
from detectors.learning.features import EXAMPLE
from detectors.observations import OBSERVATION, Batch
from detectors.state import CustomerState
from detectors.steps import advance_all, apply_all, freeze

CHUNK = 1024  # decisions a kernel writes before it hands over: under 1 MB of buffers

Buffers: TypeAlias = tuple[Rows, Rows, Rows, NDArray[np.int64], Rows]
"""Where kernels write: DECISION, CUSTOMER and EXAMPLE[CHUNK], how many [2], POPULATION[1]."""


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
    made = _Decided(state)
    times = batch.observations["effective_time"]
    start = 0
    while start < len(times):
        _cross(state, float(times[start]), made)
        end = int(np.searchsorted(times, _next_boundary(state), side="left"))
        made.apply(batch.observations[start:end], batch.ids)
        start = end
    return made.ordered()


def advance(state: CustomerState, watermark: float) -> Decisions:
    """Take every due of every customer with due + allowed lateness < watermark."""
    made = _Decided(state)
    if state.population["frozen_at"][0] > 0.0:
        _cross(state, watermark, made)
    made.advance(watermark)
    return made.ordered()


def _next_boundary(state: CustomerState) -> float:
    """The first boundary that has not been crossed."""
    step = boundary_seconds(state.profile)
    return step * (math.floor(float(state.population["frozen_at"][0]) / step) + 1.0)


def _cross(state: CustomerState, until: float, made: "_Decided") -> None:
    """Cross all boundaries up to `until`: take what is due before each, then freeze.

    Those before which nothing is due are crossed at once: freezing several of them is freezing the
    last. The first observation ever only says where the boundaries begin.
    """
    step = boundary_seconds(state.profile)
    first = state.population["frozen_at"][0] == 0.0
    while first or _next_boundary(state) <= until:
        earliest = float(state.dues[: state.size].min(initial=np.inf))
        quiet_until = (
            until if first else min(until, earliest + state.profile.allowed_lateness_seconds)
        )
        if quiet_until == np.inf:
            return  # nothing will be due, and there is no end to the boundaries
        boundary = max(step * math.floor(quiet_until / step), _next_boundary(state))
        if not first and quiet_until < boundary:
            made.advance(boundary)
        freeze(by_name(state.population), boundary, by_name(state.profile.records))
        first = False


class _Decided:
    """What kernels wrote so far, part by part."""

    def __init__(self, state: CustomerState) -> None:
        self._state = state
        self._decisions = np.empty(CHUNK, DECISION)
        self._customers = np.empty(CHUNK, CUSTOMER)
        self._examples = np.empty(CHUNK, EXAMPLE)
        self._counts = np.zeros(2, np.int64)
        self._parts: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []

    def apply(self, observations: NDArray[np.void], ids: Bytes) -> None:
        """Apply observations, up to the next boundary."""
        state, position = self._state, 0
        while True:
            position = apply_all(
                by_name(state.rows), state.dues, state.dirty, state.hashes,
                by_name(observations), ids, by_name(state.profile.records),
                *self._buffers(), position,
            )  # fmt: skip
            if position == len(observations):
                return
            self._keep()

    def advance(self, watermark: float) -> None:
        """Take what is due before a watermark, up to the next boundary."""
        state, position = self._state, 0
        while True:
            position = advance_all(
                by_name(state.rows), state.dues, state.dirty, state.size, watermark,
                by_name(state.profile.records), *self._buffers(), position,
            )  # fmt: skip
            if position == state.size:
                return
            self._keep()

    def ordered(self) -> Decisions:
        """Everything, sorted by time and customer."""
        self._keep()
        records, beside, taught = (_joined([part[i] for part in self._parts]) for i in range(3))
        if len(records) > 1:
            order = _by_time_and_id(self._state, records, "time")
            records, beside = records[order], beside[order]
        if len(taught) > 1:
            taught = taught[_by_time_and_id(self._state, taught, "label_time")]
        return Decisions(records, beside, taught)

    def _buffers(self) -> Buffers:
        return (
            by_name(self._decisions),
            by_name(self._customers),
            by_name(self._examples),
            self._counts,
            by_name(self._state.population),
        )

    def _keep(self) -> None:
        """Empty the buffers, which are full or have to be handed over."""
        said, learnt = int(self._counts[0]), int(self._counts[1])
        self._parts.append(
            (
                self._decisions[:said].copy(),
                self._customers[:said].copy(),
                self._examples[:learnt].copy(),
            )
        )
        self._counts[:] = 0


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """One array; a single part, which is the rule, costs nothing."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _by_time_and_id(state: CustomerState, records: NDArray[Any], time: str) -> NDArray[np.int64]:
    """Order by (time, customer id); what one customer says at one time stays in its order."""
    times = records[time]
    order = np.argsort(times, kind="stable")
    if not np.any(np.diff(times[order]) == 0.0):
        return order
    rows = records["row"]
    ids = [state.customer_id(int(row)) for row in rows]
    return np.array(sorted(order.tolist(), key=lambda i: (times[i], ids[i])), np.int64)
