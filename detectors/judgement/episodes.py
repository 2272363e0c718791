"""Episodes: what is said about a customer, when, and the ids under which it is said.

An episode opens when a cause speaks, is updated when another cause joins or its severity rises,
and ends resolved (no cause is left: the customer came back, or what troubled them did not last) or
expired (the churn horizon passed in silence). At most one lies between two purchases: whatever
reopens before the next purchase goes on under the same anchor, with growing sequence. Whether it is
announced is for `judgement.policy` to say.
"""

import math
from enum import IntEnum

import numpy as np

from detectors.clock.outages import silent_days
from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS, NONE, OPEN
from detectors.customer import EXPIRED as EPISODE_EXPIRED
from detectors.judgement.risk import assess, left_logit, sigmoid, visits_silent_since
from detectors.judgement.schedule import MINUTE_SECONDS, severity_after, severity_at
from detectors.learning.features import take_features
from detectors.learning.names import FEATURES
from detectors.observations import PURCHASES, VISITS
from detectors.signals.trouble import (
    cancellation_evidence,
    complaint_evidence,
    no_show_evidence,
    payment_evidence,
    settle,
    spend_evidence,
)

__all__ = [
    "DECISION",
    "Severity",
    "Status",
    "begin_anew",
    "end",
    "is_quiet",
    "judge",
    "say",
]


class Status(IntEnum):
    """opened -> updated* -> resolved (came back) | expired (churned).

    suppressed (held back) comes instead of opened, and ends in silence or goes on as opened.
    """

    OPENED = 1
    UPDATED = 2
    RESOLVED = 3
    EXPIRED = 4
    SUPPRESSED = 5


class Severity(IntEnum):
    """How sure it is that the customer has left, and how much they are worth (docs/policy.md)."""

    INFO = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4


OPENED = int(Status.OPENED)
UPDATED = int(Status.UPDATED)
RESOLVED = int(Status.RESOLVED)
EXPIRED = int(Status.EXPIRED)
SUPPRESSED = int(Status.SUPPRESSED)
MOST_MINUTES = 2**32 - 1
UNCHANGED = 0

DECISION = np.dtype(
    [
        ("time", "f8"),  # when it is so: a deadline, or the observation's effective time
        ("anchor", "f8"),  # event time that names the episode
        ("opened_at", "f8"),
        ("resolved_at", "f8"),  # NaN unless resolved
        ("risk", "f8"),  # static P(no purchase within the horizon); of visits for who lives by them
        ("p_alive", "f8"),  # 1 / (1 + exp(sum of the eight logits below))
        ("prior_logit", "f8"),  # additive log-odds of having left
        ("silence_logit", "f8"),
        ("visit_logit", "f8"),
        ("payment_logit", "f8"),
        ("complaint_logit", "f8"),
        ("cancellation_logit", "f8"),
        ("silence_days", "f8"),  # since the last purchase, on the clock; 0 before the first
        ("visit_silence_days", "f8"),  # since the last sign of life; 0 before the first visit
        ("spend_logit", "f8"),
        ("no_show_logit", "f8"),
        ("features", "f4", (len(FEATURES),)),  # as of `time`, for the model
        ("row", "i4"),
        ("sequence", "i4"),  # 1 for the first decision under this anchor
        ("status", "u1"),  # Status
        ("severity", "u1"),  # Severity
        ("causes", "u1"),  # Cause: active now (resolved, expired: as last said)
    ],
    align=True,
)
"""One decision; it depends on its customer's row, the profile and the clock in effect alone.

The row in turn knows the customer's rank and segment, and why an episode is held back: see
`ranks`, `segments` and `policy`.
"""


@kernel
def say(c: Row, row: int, status: int, now: float, p: Row, d: Row) -> None:
    """Write a decision about the customer into d, evaluated at its own time."""
    prior, silence, visits, risk = assess(c, now, p)
    payments = payment_evidence(c, p)
    complaints = complaint_evidence(c, p)
    cancellation = cancellation_evidence(c, p)
    spend = spend_evidence(c, p)
    no_shows = no_show_evidence(c, p)
    c.sequence += 1
    if status in (OPENED, UPDATED, SUPPRESSED):
        c.announced_causes = c.causes
    d.time = now
    d.anchor = c.anchor
    d.opened_at = c.opened_at
    d.resolved_at = now if status == RESOLVED else math.nan
    d.risk = sigmoid(risk)
    total = prior + silence + visits + payments + complaints + cancellation + spend + no_shows
    d.p_alive = sigmoid(-total)
    d.prior_logit = prior
    d.silence_logit = silence
    d.visit_logit = visits
    d.payment_logit = payments
    d.complaint_logit = complaints
    d.cancellation_logit = cancellation
    bought, visited = int(c.n_purchases) > 0, int(c.n_visits) > 0
    d.silence_days = silent_days(p, PURCHASES, c.last_purchase, now) if bought else 0.0
    since = visits_silent_since(c)
    d.visit_silence_days = silent_days(p, VISITS, since, now) if visited else 0.0
    d.spend_logit = spend
    d.no_show_logit = no_shows
    take_features(d.features, c, now, p)
    d.row = row
    d.sequence = c.sequence
    d.status = status
    d.severity = c.severity
    d.causes = c.announced_causes
    if status in (RESOLVED, EXPIRED):
        end(c, status, now, p)


@kernel
def end(c: Row, status: int, now: float, p: Row) -> None:
    """The episode is over; if it was announced, the cooldown begins."""
    if int(c.suppressed) == 0 and p.cooldown_days > 0.0:
        minutes = math.floor((now + p.cooldown_days * DAY_SECONDS) / MINUTE_SECONDS)
        c.quiet_until = min(minutes, MOST_MINUTES)
        c.ended_severity = c.severity
    c.suppressed = 0
    if status == RESOLVED:
        c.episode = NONE
    else:
        c.episode = EPISODE_EXPIRED
        c.causes = 0


@kernel
def is_quiet(c: Row) -> bool:
    """Whether there is nothing to judge: no cause, no open episode (nearly always)."""
    return int(c.causes) == 0 and int(c.episode) != OPEN


@kernel
def judge(c: Row, now: float, p: Row) -> int:
    """The status to say as the customer's causes and severity stand now; UNCHANGED for nothing."""
    if int(c.episode) == EPISODE_EXPIRED:
        c.causes = 0
        return UNCHANGED
    if int(c.episode) == OPEN:
        if int(c.causes) == 0:
            return RESOLVED
        joined = int(c.causes) & ~int(c.announced_causes)
        ended = int(c.announced_causes) & ~int(c.causes)
        severity = severity_after(left_logit(c, now, p), ended, c, p)
        if severity == int(c.severity) and joined == 0:
            c.announced_causes = c.causes  # what has gone may join again
            return UNCHANGED
        c.severity = severity
        return UPDATED
    if int(c.causes) == 0:
        return UNCHANGED
    c.episode = OPEN
    c.opened_at = now
    c.expiry_due = now + p.churn_horizon_days * DAY_SECONDS
    c.severity = severity_at(left_logit(c, now, p), c, p)
    return OPENED


@kernel
def live_on(c: Row, now: float, p: Row) -> None:
    """A sign of life while an episode is open: it is given up later, or settled if it has lasted.

    What speaks for it in spite of that (spend, payments, visits) has become usual once it has
    lasted for the churn horizon, and the customer has not left by it.
    """
    if now - c.opened_at >= p.churn_horizon_days * DAY_SECONDS:
        settle(c)
    else:
        c.expiry_due = now + p.churn_horizon_days * DAY_SECONDS


@kernel
def begin_anew(c: Row, t: float) -> None:
    """The customer is back: the next episode is another one, its decisions counted from 1."""
    c.episode = NONE
    if c.anchor != t:
        c.anchor = t
        c.sequence = 0
