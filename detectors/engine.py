"""The whole interface of the core: apply observations, advance time; both return decisions.

A customer's decisions depend on their row and the profile alone. Whatever is due is taken at its
own time and evaluated there, before the next observation of the same customer counts, so batch
boundaries, ticks and the interleaving of customers change nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Row, Rows, by_name, kernel
from detectors.customer import (
    CUSTOMER,
    EXPIRED,
    PURCHASE_SILENCE,
    RECENT_IDS,
    VISIT_SILENCE,
    next_due,
)
from detectors.judgement.episodes import (
    DECISION,
    Output,
    begin_anew,
    expire,
    judge,
    step_up,
)
from detectors.judgement.risk import visit_silence_logit
from detectors.judgement.schedule import schedule
from detectors.learning.features import EXAMPLE, start_ticking, tick
from detectors.observations import OBSERVATION, Batch, Input
from detectors.signals.payments import see_payment
from detectors.signals.purchases import see_purchase
from detectors.signals.support import see_support
from detectors.signals.trouble import forget
from detectors.signals.visits import see_visit
from detectors.state import CustomerState

PURCHASES = int(Input.PURCHASES)
VISITS = int(Input.VISITS)
PAYMENTS = int(Input.PAYMENTS)
CHUNK = 1024  # decisions a kernel writes before it hands over: under 1 MB of buffers
ROOM = 1  # the most decisions, and examples, that one step can write


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided, sorted by (time, customer id); empty arrays when nothing was."""

    records: NDArray[np.void]  # DECISION
    customers: NDArray[np.void]  # CUSTOMER: the row beside each record, as it was when decided
    examples: NDArray[np.void]  # EXAMPLE, sorted by (label_time, customer id)


def apply(state: CustomerState, batch: Batch) -> Decisions:
    """Take a batch, sorted by (effective_time, input), into the state.

    A due of a customer is taken before their next observation if due + allowed lateness lies
    before its effective time. An observation whose id hash is among the customer's last few
    changes nothing and is counted. Raises ValueError for records of another dtype.
    """
    if batch.observations.dtype != OBSERVATION:
        raise ValueError(
            f"observations must be of dtype OBSERVATION, got {batch.observations.dtype}"
        )
    observations = by_name(batch.observations)
    rows, profile = by_name(state.rows), by_name(state.profile.records)

    def run(position: int, out: Output) -> int:
        return apply_all(
            rows, state.dues, state.dirty, state.hashes, observations, batch.ids, profile,
            *out, position,
        )  # fmt: skip

    return _collect(state, run, len(observations))


def advance(state: CustomerState, watermark: float) -> Decisions:
    """Take every due of every customer with due + allowed lateness < watermark."""
    rows, profile = by_name(state.rows), by_name(state.profile.records)

    def run(position: int, out: Output) -> int:
        return advance_all(
            rows, state.dues, state.dirty, state.size, watermark, profile, *out, position
        )

    return _collect(state, run, state.size)


@kernel
def has_room(out: Output) -> bool:
    """Whether one more step's decisions and examples can be written."""
    return bool(
        out.counts[0] + ROOM <= out.decisions.shape[0]
        and out.counts[1] + ROOM <= out.examples.shape[0]
    )


@kernel
def take_due(c: Row, row: int, p: Row, out: Output) -> None:
    """Take the customer's earliest due, at its time (not before their last observation)."""
    due = c.due
    now = max(due, c.applied_until)
    if c.purchase_deadline == due:
        c.causes = int(c.causes) | PURCHASE_SILENCE
        judge(c, row, now, p, out)
    elif c.visit_deadline == due:
        c.causes = int(c.causes) | VISIT_SILENCE
        c.visit_evidence = min(p.evidence_cap, p.visit_weight * visit_silence_logit(c, now, p))
        judge(c, row, now, p, out)
    elif c.step_due == due:
        step_up(c, row, now, p, out)
    elif c.expiry_due == due:
        expire(c, row, now, p, out)
    else:
        out.counts[1] = tick(c, row, p, out.examples, out.counts[1])
        next_due(c)
        return
    schedule(c, now, p)


@kernel
def seen_before(c: Row, o: Row) -> bool:
    """Whether the observation's id is among the customer's last; if not, it is from now on."""
    if o.id_hash == np.uint64(0):
        return False
    # one id may name a purchase and its payment: the input is part of what is remembered
    mark = np.uint32((o.id_hash >> np.uint64(32)) ^ np.uint64(o.input))
    if mark == np.uint32(0):
        mark = np.uint32(1)
    for i in range(RECENT_IDS):
        if c.recent_ids[i] == mark:
            return True
    c.recent_ids[int(c.recent_position)] = mark
    c.recent_position = (int(c.recent_position) + 1) % RECENT_IDS
    return False


@kernel
def observe(
    c: Row, row: int, hashed: np.uint64, o: Row, ids: NDArray[np.uint8], p: Row, out: Output
) -> bool:
    """Take one observation into its customer's row; False for one that was seen before."""
    if seen_before(c, o):
        out.population[0].duplicates += 1
        return False
    out.population[0].applied[int(o.input)] += 1
    now = o.effective_time
    t = o.event_time
    if np.isnan(c.applied_until):
        c.first_seen = t
        c.last_seen = t
        c.anchor = t
    else:
        forget(c, now, p)
        c.first_seen = min(c.first_seen, t)
        c.last_seen = max(c.last_seen, t)
    c.applied_until = now
    expired = int(c.episode) == EXPIRED
    came_back = False
    if int(o.input) == PURCHASES:
        came_back = see_purchase(c, o, ids, p, out.population)
    elif int(o.input) == VISITS:
        came_back = see_visit(c, o, p, out.population)
    elif int(o.input) == PAYMENTS:
        see_payment(c, o, ids, p)
    else:
        see_support(c, o, ids, p)
    judge(c, row, now, p, out)
    if came_back and (expired or int(o.input) == PURCHASES):
        begin_anew(c, t)
        start_ticking(c, now, hashed, p)
    schedule(c, now, p)
    return True


@kernel
def apply_all(
    rows: Rows,
    dues: NDArray[np.float64],
    dirty: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    observations: Rows,
    ids: NDArray[np.uint8],
    profile: Rows,
    decisions: Rows,
    customers: Rows,
    examples: Rows,
    counts: NDArray[np.int64],
    population: Rows,
    position: int,
) -> int:
    """Apply observations from `position` on; where to go on when the buffers are full."""
    out = Output(decisions, customers, examples, counts, population)
    p = profile[0]
    while position < observations.shape[0]:
        o = observations[position]
        row = int(o.row)
        c = rows[row]
        while c.due + p.allowed_lateness_seconds < o.effective_time:
            if not has_room(out):
                return position
            take_due(c, row, p, out)
            dues[row] = c.due
            dirty[row] = 1
        if not has_room(out):
            return position
        if observe(c, row, hashes[row], o, ids, p, out):
            dues[row] = c.due
            dirty[row] = 1
        position += 1
    return position


@kernel
def advance_all(
    rows: Rows,
    dues: NDArray[np.float64],
    dirty: NDArray[np.uint8],
    size: int,
    watermark: float,
    profile: Rows,
    decisions: Rows,
    customers: Rows,
    examples: Rows,
    counts: NDArray[np.int64],
    population: Rows,
    position: int,
) -> int:
    """Take what is due, customer by customer from `position` on; where to go on when full."""
    out = Output(decisions, customers, examples, counts, population)
    p = profile[0]
    lateness = p.allowed_lateness_seconds
    while position < size:
        if dues[position] + lateness < watermark:
            if not has_room(out):
                return position
            c = rows[position]
            take_due(c, position, p, out)
            dues[position] = c.due
            dirty[position] = 1
        else:
            position += 1
    return position


def _collect(state: CustomerState, run: Callable[[int, Output], int], end: int) -> Decisions:
    """Run a kernel from 0 to `end`, emptying its buffers whenever they are full."""
    decisions, customers = np.empty(CHUNK, DECISION), np.empty(CHUNK, CUSTOMER)
    examples, counts = np.empty(CHUNK, EXAMPLE), np.zeros(2, np.int64)
    out = Output(
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
        position = run(position, out)
        said, learnt = int(counts[0]), int(counts[1])
        if position >= end:
            break
        parts.append((decisions[:said].copy(), customers[:said].copy(), examples[:learnt].copy()))
    parts.append((decisions[:said], customers[:said], examples[:learnt]))
    records, beside, taught = (_joined([part[i] for part in parts]) for i in range(3))
    state.population["examples"] += len(taught)
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
