"""What the engine runs over a partition: take what is due, then the observation, row by row.

Only records are handed from kernel to kernel: an array costs two atomic operations a call, a record
none.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detectors.changed import Words, note_dirty
from detectors.clock.guard import hour_ends, judge_hours
from detectors.compiled import Bytes, Row, Rows, kernel
from detectors.customer import (
    DAY_SECONDS,
    EXPIRED,
    OPEN,
    PURCHASE_SILENCE,
    VISIT_SILENCE,
    Segment,
    lives_by_visits,
    next_due,
)
from detectors.judgement.episodes import EXPIRED as STATUS_EXPIRED
from detectors.judgement.episodes import (
    UNCHANGED,
    UPDATED,
    begin_anew,
    is_quiet,
    judge,
    live_on,
    say,
)
from detectors.judgement.policy import announced, freeze_budgets
from detectors.judgement.ranks import count_value, freeze_ranks
from detectors.judgement.risk import left_logit
from detectors.judgement.schedule import (
    COOLDOWN,
    EVERYTHING,
    STEP,
    VISIT_RHYTHM,
    put_off,
    quiet_until,
    schedule,
    severity_at,
    standing,
    step_time,
)
from detectors.judgement.segments import give_up, place
from detectors.learning.features import start_ticking, tick
from detectors.observations import PAYMENTS, PURCHASES, VISITS
from detectors.signals.effects import BOUGHT, LEARNT, NOTHING, RETURNED, SAID, TROUBLED
from detectors.signals.evidence import keep_id, seen_before
from detectors.signals.fading import fade
from detectors.signals.payments import see_payment
from detectors.signals.purchases import see_purchase
from detectors.signals.support import see_support
from detectors.signals.trouble import look_at_visits, settle, weigh_causes
from detectors.signals.visits import see_visit

UNSEEN = int(Segment.UNSEEN)


@kernel
def take_due(c: Row, row: int, p: Row, d: Row, e: Row, population: Row) -> int:
    """Take the customer's earliest due, at its time (not before their last observation)."""
    due = c.due
    now = max(due, c.applied_until)
    if put_off(c, due, now, p):
        return NOTHING
    severity = int(c.severity)
    changed = EVERYTHING
    status = UNCHANGED
    if int(c.episode) != EXPIRED:
        place(c, now, p, population)
    if c.purchase_deadline == due:
        c.causes = int(c.causes) | PURCHASE_SILENCE
        status = judge(c, now, p)
    elif c.visit_deadline == due:
        if lives_by_visits(c):
            c.causes = int(c.causes) | VISIT_SILENCE
        else:
            before = c.visit_evidence
            look_at_visits(c, now, p)
            if c.visit_evidence == before:
                changed = VISIT_RHYTHM
        if not is_quiet(c):
            status = judge(c, now, p)
    elif c.step_due == due:
        risen = severity_at(left_logit(c, now, p), c, p)
        if step_time(c, p) <= now:  # rounding may leave it just below
            risen = max(risen, severity + 1)
        cooled = int(c.suppressed) == COOLDOWN and now >= quiet_until(c)
        if risen > severity or cooled:  # else the customer's rank has changed: it comes later
            c.severity = max(severity, risen)
            status = UPDATED
    elif c.expiry_due == due:
        status = STATUS_EXPIRED
        population.churned += 1
        population.churned_seconds += int(c.last_seen - c.first_seen)
    else:
        learnt = tick(c, row, p, e)
        next_due(c)
        return LEARNT if learnt else NOTHING
    status = announced(c, status, severity, now, p, population)
    if status != UNCHANGED:
        say(c, row, status, now, p, d)
        changed = EVERYTHING
    if int(c.episode) == EXPIRED:
        give_up(c, population)
    schedule(c, now, changed, p)
    return SAID if status != UNCHANGED else NOTHING


@kernel
def observe(c: Row, o: Row, p: Row, population: Row) -> int:
    """Take one observation into its customer's row; its effects."""
    population.applied[int(o.input)] += 1
    now = o.effective_time
    t = o.event_time
    if np.isnan(c.applied_until):
        c.first_seen = t
        c.last_seen = t
        c.anchor = t
    else:
        fade(c, now, p)
        c.first_seen = min(c.first_seen, t)
        c.last_seen = max(c.last_seen, t)
    c.applied_until = now
    if int(o.input) == PURCHASES:
        return see_purchase(c, o, p, population)
    if int(o.input) == VISITS:
        return see_visit(c, o, p, population)
    if int(o.input) == PAYMENTS:
        return see_payment(c, o, p)
    return see_support(c, o, p)


@kernel
def take_observation(
    c: Row, row: int, hashed: np.uint64, o: Row, p: Row, d: Row, population: Row
) -> int:
    """Observe, judge, and set the dues anew; all effects."""
    before, causes = standing(c, p), int(c.causes)
    expired = int(c.episode) == EXPIRED
    now = o.effective_time
    effects = observe(c, o, p, population)
    if not expired or effects & (BOUGHT | RETURNED):
        if int(o.input) == PURCHASES:
            count_value(c, p, population)
        if int(o.input) == PURCHASES or effects & RETURNED or int(c.segment) == UNSEEN:
            place(c, now, p, population)
    if effects & RETURNED:
        if expired:
            settle(c)
        elif int(c.episode) == OPEN:
            live_on(c, now, p)
        look_at_visits(c, now, p)
    weigh_causes(c, p)
    begins = effects & BOUGHT or (effects & RETURNED and expired)
    if begins and expired:
        population.reactivated += 1
    if begins and int(c.episode) != OPEN:
        begin_anew(c, o.event_time)
    changed = VISIT_RHYTHM if int(o.input) == VISITS else 0
    if expired or effects & RETURNED or before != standing(c, p):
        changed = EVERYTHING
    if (changed == EVERYTHING or causes != int(c.causes)) and not is_quiet(c):
        changed |= STEP
        severity = int(c.severity)
        status = announced(c, judge(c, now, p), severity, now, p, population)
        if status != UNCHANGED:
            say(c, row, status, now, p, d)
            effects |= SAID
        if begins and int(c.episode) != OPEN:
            begin_anew(c, o.event_time)
    if begins:
        start_ticking(c, now, hashed, p)
    schedule(c, now, changed, p)
    return effects


@kernel
def apply_all(
    rows: Rows,
    dues: NDArray[np.float64],
    dirty: Words,
    hashes: NDArray[np.uint64],
    observations: Rows,
    ids: Bytes,
    profile: Rows,
    decisions: Rows,
    customers: Rows,
    examples: Rows,
    counts: NDArray[np.int64],
    population: Rows,
    position: int,
) -> int:
    """Apply observations from `position` on; where to go on when the buffers are full.

    Or when an hour has ended in which an input was out: then counts[2] is 1.
    """
    p = profile[0]
    ends = hour_ends(population[0])
    while position < observations.shape[0]:
        if counts[0] == decisions.shape[0] or counts[1] == examples.shape[0]:
            return position
        o = observations[position]
        if o.effective_time >= ends:
            if judge_hours(population, profile, o.effective_time):
                counts[2] = 1
                return position
            ends = hour_ends(population[0])
        row = int(o.row)
        c = rows[row]
        d = decisions[counts[0]]
        if c.due + p.allowed_lateness_seconds < o.effective_time:
            effects = take_due(c, row, p, d, examples[counts[1]], population[0])
        else:
            position += 1
            if seen_before(c, o):
                population[0].duplicates[int(o.input)] += 1
                continue
            effects = take_observation(c, row, hashes[row], o, p, d, population[0])
            if effects & (BOUGHT | TROUBLED):
                keep_id(c, o, ids, effects)
        dues[row] = c.due
        note_dirty(row, dirty)
        if effects & SAID:
            customers[counts[0]] = c
            population[0].decisions[int(d.status)] += 1
            counts[0] += 1
        elif effects & LEARNT:
            population[0].examples += 1
            counts[1] += 1
    return position


@kernel
def advance_all(
    rows: Rows,
    dues: NDArray[np.float64],
    dirty: Words,
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
    p = profile[0]
    lateness = p.allowed_lateness_seconds
    while position < size:
        if dues[position] + lateness >= watermark:
            position += 1
            continue
        if counts[0] == decisions.shape[0] or counts[1] == examples.shape[0]:
            return position
        c = rows[position]
        d = decisions[counts[0]]
        effects = take_due(c, position, p, d, examples[counts[1]], population[0])
        dues[position] = c.due
        note_dirty(position, dirty)
        if effects & SAID:
            customers[counts[0]] = c
            population[0].decisions[int(d.status)] += 1
            counts[0] += 1
        elif effects & LEARNT:
            population[0].examples += 1
            counts[1] += 1
    return position


@kernel
def freeze(population: Rows, boundary: float, profile: Rows) -> None:
    """Set what holds until the next boundary, from everything that counted before this one."""
    p = profile[0]
    state = population[0]
    before = state.frozen_at
    if before == 0.0 or math.floor(boundary / DAY_SECONDS) > math.floor(before / DAY_SECONDS):
        freeze_ranks(state, p)
    if p.alert_budget > 0.0:
        freeze_budgets(state, before, boundary, p)
    state.frozen_at = boundary
