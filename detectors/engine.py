"""The whole interface of the core: apply observations, advance time; both return decisions.

A customer's decisions depend on their row and the profile alone. Whatever is due is taken at its
own time and evaluated there, before the next observation of the same customer counts, so batch
boundaries, ticks and the interleaving of customers change nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Rows, by_name
from detectors.customer import CUSTOMER
from detectors.judgement.episodes import DECISION
from detectors.learning.features import EXAMPLE
from detectors.observations import OBSERVATION, Batch
from detectors.state import CustomerState
from detectors.steps import advance_all, apply_all

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
    observations = by_name(batch.observations)
    rows, profile = by_name(state.rows), by_name(state.profile.records)

    def run(position: int, buffers: Buffers) -> int:
        return apply_all(
            rows, state.dues, state.dirty, state.hashes, observations, batch.ids, profile,
            *buffers, position,
        )  # fmt: skip

    return _collect(state, run, len(observations))


def advance(state: CustomerState, watermark: float) -> Decisions:
    """Take every due of every customer with due + allowed lateness < watermark."""
    rows, profile = by_name(state.rows), by_name(state.profile.records)

    def run(position: int, buffers: Buffers) -> int:
        return advance_all(
            rows, state.dues, state.dirty, state.size, watermark, profile, *buffers, position
        )

    return _collect(state, run, state.size)


def _collect(state: CustomerState, run: Callable[[int, Buffers], int], end: int) -> Decisions:
    """Run a kernel from 0 to `end`, emptying its buffers whenever they are full."""
    decisions, customers = np.empty(CHUNK, DECISION), np.empty(CHUNK, CUSTOMER)
    examples, counts = np.empty(CHUNK, EXAMPLE), np.zeros(2, np.int64)
    buffers = (
        by_name(decisions),
        by_name(customers),
        by_name(examples),
        counts,
        by_name(state.population),
    )
    parts: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
    position = 0
    while True:
        counts[:] = 0
        position = run(position, buffers)
        said, learnt = int(counts[0]), int(counts[1])
        if position >= end:
            break
        parts.append((decisions[:said].copy(), customers[:said].copy(), examples[:learnt].copy()))
    parts.append((decisions[:said], customers[:said], examples[:learnt]))
    records, beside, taught = (_joined([part[i] for part in parts]) for i in range(3))
    if len(records) > 1:
        order = _by_time_and_id(state, records, "time")
        records, beside = records[order], beside[order]
    if len(taught) > 1:
        taught = taught[_by_time_and_id(state, taught, "label_time")]
    return Decisions(records, beside, taught)


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
