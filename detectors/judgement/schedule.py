"""When a customer speaks up by silence: the dues of a row, solved whenever evidence changes.

Nothing has to arrive for a due to come; it is found by searching the one column `due`. A due that
would lie in the past (evidence has just brought it forward) is due at once.
"""

import math

from detectors.cadence.deadline import alert_bar, rule_d, silence_reaching
from detectors.cadence.posterior import purchase_gap, purchase_prior, visit_gap, visit_prior
from detectors.clock.outages import back_at, silence_ends
from detectors.compiled import Row, kernel
from detectors.customer import (
    EXPIRED,
    OPEN,
    PURCHASE_SILENCE,
    VISIT_SILENCE,
    Hold,
    lives_by_visits,
    next_due,
)
from detectors.judgement.risk import evidence, visits_silent_since
from detectors.observations import PURCHASES, VISITS
from detectors.signals.visit_gaps import next_look

INFO = 1
CRITICAL = 4
PURCHASE_RHYTHM = 1
VISIT_RHYTHM = 2
STEP = 4  # the open episode's next severity
EVERYTHING = 7
MINUTE_SECONDS = 60.0
SOON_SECONDS = 1e-3  # what is put off by less is due: far more than solving it anew may differ by
COOLDOWN = int(Hold.COOLDOWN)


@kernel
def value_step(c: Row, p: Row) -> int:
    """What the customer's value adds to the severity: 1, 0 or -1; 0 where it is not known."""
    tenth = int(c.value_tenth)
    if tenth == 0:
        return 0
    if tenth >= p.high_value_from:
        return 1
    return -1 if tenth <= p.low_value_to else 0


@kernel
def severity_logit(severity: int, c: Row, p: Row) -> float:
    """Log-odds of having left from which on an episode of this customer has this severity."""
    level = severity - value_step(c, p)
    if severity <= INFO or level <= INFO:
        return -math.inf
    if level > CRITICAL:
        return math.inf
    chance = p.warning_from if level == 2 else p.error_from
    if level == CRITICAL:
        chance = p.critical_from
    return math.log(chance / (1.0 - chance))


@kernel
def severity_at(logit: float, c: Row, p: Row) -> int:
    """The severity of an episode of this customer at these log-odds: risk x value."""
    severity = INFO
    while severity < CRITICAL and logit >= severity_logit(severity + 1, c, p):
        severity += 1
    return severity


@kernel
def severity_after(logit: float, ended: int, c: Row, p: Row) -> int:
    """The severity that follows the open episode's, at these log-odds; `ended`: causes that have.

    Up at once; down only when a cause has ended, and past the margin. Who is in trouble and goes on
    buying would otherwise be a little less at risk after each purchase and a little more before the
    next.
    """
    risen = severity_at(logit, c, p)
    if ended == 0 or risen >= int(c.severity):
        return max(risen, int(c.severity))
    return min(int(c.severity), severity_at(logit + p.severity_margin, c, p))


@kernel
def quiet_until(c: Row) -> float:
    """Until when nothing new is announced after the last episode; 0 = announced at once."""
    return MINUTE_SECONDS * float(c.quiet_until)


@kernel
def purchase_deadline(c: Row, p: Row) -> float:
    """When silence since the last purchase is worth an alert; inf if it is not what decides."""
    if lives_by_visits(c) or int(c.causes) & PURCHASE_SILENCE:
        return math.inf
    law = purchase_gap(c, p)
    left = purchase_prior(c, p) + evidence(c, p) + float(c.visit_evidence)
    days = rule_d(law, alert_bar(left, law, p.alert_cost_days, p), p.longest_silence_days)
    return silence_ends(p, PURCHASES, c.last_purchase, days)


@kernel
def visit_deadline(c: Row, now: float, p: Row) -> float:
    """When to look at the visits' silence; for who lives by visits, when it is worth an alert."""
    if int(c.n_visits) == 0 or int(c.causes) & VISIT_SILENCE:
        return math.inf
    if not lives_by_visits(c):
        return next_look(c, now, p)
    law = visit_gap(c, p)
    left = visit_prior(c, p) + evidence(c, p) + float(c.visit_evidence)
    days = rule_d(law, alert_bar(left, law, p.visit_alert_cost_days, p), p.longest_silence_days)
    return silence_ends(p, VISITS, visits_silent_since(c), days)


@kernel
def step_time(c: Row, p: Row) -> float:
    """When silence alone lifts the open episode to its next severity."""
    if int(c.severity) >= CRITICAL:
        return math.inf
    wanted = severity_logit(int(c.severity) + 1, c, p) - evidence(c, p) - float(c.visit_evidence)
    if wanted == math.inf:
        return math.inf
    if lives_by_visits(c):
        if int(c.n_visits) == 0:
            return math.inf
        days = silence_reaching(visit_gap(c, p), visit_prior(c, p) - wanted)
        return silence_ends(p, VISITS, visits_silent_since(c), days)
    days = silence_reaching(purchase_gap(c, p), purchase_prior(c, p) - wanted)
    return silence_ends(p, PURCHASES, c.last_purchase, days)


@kernel
def standing(c: Row, p: Row) -> tuple[bool, float]:
    """What the deadlines depend on beside the two rhythms themselves."""
    return lives_by_visits(c), evidence(c, p) + float(c.visit_evidence)


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
            step = step_time(c, p)
            if int(c.suppressed) == COOLDOWN:
                step = min(step, quiet_until(c))
            c.step_due = max(step, now)
    next_due(c)


@kernel
def put_off(c: Row, due: float, now: float, p: Row) -> bool:
    """Put off a silence that falls due, or an end as churned, if an outage says that it is early.

    A due is solved when evidence changes, and what is known of outages only grows: so a due may be
    too early for an outage after it was solved, never too late. Nothing of purchases' silence is
    decided within an outage of theirs, and nothing of visits' within one of the visits. Steps of
    severity and looks at visits solve themselves anew whenever they are taken.
    """
    by_visits = lives_by_visits(c)
    source = VISITS if by_visits else PURCHASES
    if p.outage_count[source] == 0.0:
        return False
    if c.purchase_deadline == due:
        later = back_at(p, source, max(purchase_deadline(c, p), now))
    elif c.visit_deadline == due:
        later = back_at(p, source, max(visit_deadline(c, now, p), now)) if by_visits else now
    elif c.step_due != due and c.expiry_due == due:
        later = back_at(p, source, now)
    else:
        return False
    if later <= now + SOON_SECONDS:
        return False
    if c.purchase_deadline == due:
        c.purchase_deadline = later
    elif c.visit_deadline == due:
        c.visit_deadline = later
    else:
        c.expiry_due = later
    next_due(c)
    return True
