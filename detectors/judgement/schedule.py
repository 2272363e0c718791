"""When a customer speaks up by silence: the dues of a row, solved whenever evidence changes.

Nothing has to arrive for a due to come; it is found by searching the one column `due`. A due that
would lie in the past (evidence has just brought it forward) is due at once.
"""

import math

from detectors.cadence.deadline import rule_d, silence_reaching
from detectors.cadence.posterior import purchase_gap, purchase_prior, visit_gap, visit_prior
from detectors.compiled import Row, kernel
from detectors.customer import (
    DAY_SECONDS,
    EXPIRED,
    OPEN,
    PURCHASE_SILENCE,
    VISIT_SILENCE,
    lives_by_visits,
    next_due,
)
from detectors.judgement.risk import evidence, visits_silent_since
from detectors.signals.visit_gaps import next_look

INFO = 1
CRITICAL = 4
PURCHASE_RHYTHM = 1
VISIT_RHYTHM = 2
BOTH_RHYTHMS = 3
STEP = 4  # the open episode's next severity
EVERYTHING = 7


@kernel
def severity_logit(severity: int, p: Row) -> float:
    """Log-odds of having left from which on an episode has this severity."""
    if severity <= INFO:
        return -math.inf
    chance = p.warning_from if severity == 2 else p.error_from
    if severity == CRITICAL:
        chance = p.critical_from
    return math.log(chance / (1.0 - chance))


@kernel
def severity_at(logit: float, p: Row) -> int:
    """The severity of an episode at these log-odds."""
    severity = INFO
    while severity < CRITICAL and logit >= severity_logit(severity + 1, p):
        severity += 1
    return severity


@kernel
def purchase_deadline(c: Row, p: Row) -> float:
    """When silence since the last purchase is worth an alert; inf if it is not what decides."""
    if lives_by_visits(c) or int(c.causes) & PURCHASE_SILENCE:
        return math.inf
    nu, location, scale = purchase_gap(c, p)
    odds = purchase_prior(c, p) + evidence(c, p) + c.visit_evidence
    bar = odds - math.log(p.alert_cost_days)
    days = rule_d(nu, location, scale, bar, p.longest_silence_days)
    return float(c.last_purchase + DAY_SECONDS * days)


@kernel
def visit_deadline(c: Row, now: float, p: Row) -> float:
    """When to look at the visits' silence; for who lives by visits, when it is worth an alert."""
    if int(c.n_visits) == 0 or int(c.causes) & VISIT_SILENCE:
        return math.inf
    if not lives_by_visits(c):
        return next_look(c, now, p)
    nu, location, scale = visit_gap(c, p)
    odds = visit_prior(c, p) + evidence(c, p) + c.visit_evidence
    bar = odds - math.log(p.visit_alert_cost_days)
    days = rule_d(nu, location, scale, bar, p.longest_silence_days)
    return visits_silent_since(c) + DAY_SECONDS * days


@kernel
def step_time(c: Row, p: Row) -> float:
    """When silence alone lifts the open episode to its next severity."""
    if int(c.severity) >= CRITICAL:
        return math.inf
    wanted = severity_logit(int(c.severity) + 1, p) - evidence(c, p) - c.visit_evidence
    if lives_by_visits(c):
        if int(c.n_visits) == 0:
            return math.inf
        nu, location, scale = visit_gap(c, p)
        days = silence_reaching(nu, location, scale, visit_prior(c, p) - wanted)
        return visits_silent_since(c) + DAY_SECONDS * days
    nu, location, scale = purchase_gap(c, p)
    days = silence_reaching(nu, location, scale, purchase_prior(c, p) - wanted)
    return float(c.last_purchase + DAY_SECONDS * days)


@kernel
def standing(c: Row, p: Row) -> tuple[bool, float]:
    """What the deadlines depend on beside the two rhythms themselves."""
    return lives_by_visits(c), evidence(c, p) + c.visit_evidence


@kernel
def schedule(c: Row, now: float, changed: int, p: Row) -> None:
    """Set all dues of the row but the learning tick, as of now.

    `changed` says what is to be solved, because what it depends on has changed: bits above.
    """
    if int(c.episode) != OPEN:
        c.step_due = math.inf
    if int(c.episode) == EXPIRED:
        c.purchase_deadline = math.inf
        c.visit_deadline = math.inf
        c.expiry_due = math.inf
    else:
        if changed & PURCHASE_RHYTHM:
            c.purchase_deadline = max(purchase_deadline(c, p), now)
        if changed & VISIT_RHYTHM:
            c.visit_deadline = max(visit_deadline(c, now, p), now)
        if int(c.episode) != OPEN:
            c.expiry_due = math.inf
        elif changed & STEP:
            c.step_due = max(step_time(c, p), now)
    next_due(c)
