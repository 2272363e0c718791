"""Episodes: what is said about a customer, when, and the ids under which it is said.

An episode opens when a cause speaks, is updated when its severity or its set of causes changes,
and ends resolved (no cause is left: the customer came back, or what troubled them did not last) or
expired (the churn horizon passed in silence). At most one lies between two purchases: whatever
reopens before the next purchase goes on under the same anchor, with growing sequence.
"""

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Row, Rows, kernel
from detectors.customer import DAY_SECONDS, NONE, OPEN, VISIT_SILENCE
from detectors.customer import EXPIRED as EPISODE_EXPIRED
from detectors.judgement.identity import alert_id, fingerprint
from detectors.judgement.risk import assess, left_logit, sigmoid
from detectors.judgement.schedule import severity_at
from detectors.learning.features import take_features
from detectors.learning.names import FEATURES
from detectors.signals.trouble import cancellation_evidence, complaint_evidence, payment_evidence

__all__ = [
    "DECISION",
    "Output",
    "Severity",
    "Status",
    "alert_id",
    "begin_anew",
    "expire",
    "fingerprint",
    "judge",
    "step_up",
]


class Status(IntEnum):
    """opened -> updated* -> resolved (came back) | expired (churned); or held back."""

    OPENED = 1
    UPDATED = 2
    RESOLVED = 3
    EXPIRED = 4
    SUPPRESSED = 5


class Severity(IntEnum):
    """How sure it is that the customer has left (`Profile.warning_from` and so on)."""

    INFO = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4


OPENED = int(Status.OPENED)
UPDATED = int(Status.UPDATED)
RESOLVED = int(Status.RESOLVED)
STATUS_EXPIRED = int(Status.EXPIRED)

DECISION = np.dtype(
    [
        ("time", "f8"),  # when it is so: a deadline, or the observation's effective time
        ("anchor", "f8"),  # event time that names the episode
        ("opened_at", "f8"),
        ("resolved_at", "f8"),  # NaN unless resolved
        ("risk", "f8"),  # static P(no purchase within the horizon); of visits for who lives by them
        ("p_alive", "f8"),  # 1 / (1 + exp(sum of the six logits below))
        ("prior_logit", "f8"),  # additive log-odds of having left
        ("silence_logit", "f8"),
        ("visit_logit", "f8"),
        ("payment_logit", "f8"),
        ("complaint_logit", "f8"),
        ("cancellation_logit", "f8"),
        ("features", "f4", (len(FEATURES),)),  # as of `time`, for the model
        ("row", "i4"),
        ("sequence", "i4"),  # 1 for the first decision under this anchor
        ("status", "u1"),  # Status
        ("severity", "u1"),  # Severity
        ("causes", "u1"),  # Cause: active now (resolved, expired: as last said)
    ],
    align=True,
)
"""One decision; it depends on its customer's row and the profile alone."""


class Output(NamedTuple):
    """Where kernels write: preallocated records, the customers beside them, and how many."""

    decisions: Rows  # DECISION[capacity]
    customers: Rows  # CUSTOMER[capacity]: the row as it was when decided
    examples: Rows  # EXAMPLE[capacity]
    counts: NDArray[np.int64]  # [decisions, examples] written
    population: Rows  # POPULATION[1]


@kernel
def say(c: Row, row: int, status: int, now: float, p: Row, out: Output) -> None:
    """Record a decision about the customer, evaluated at its own time."""
    prior, silence, visits, risk = assess(c, now, p)
    payments = payment_evidence(c, p)
    complaints = complaint_evidence(c, p)
    cancellation = cancellation_evidence(c, p)
    c.sequence += 1
    if status in (OPENED, UPDATED):
        c.announced_causes = c.causes
    d = out.decisions[out.counts[0]]
    d.time = now
    d.anchor = c.anchor
    d.opened_at = c.opened_at
    d.resolved_at = now if status == RESOLVED else math.nan
    d.risk = sigmoid(risk)
    d.p_alive = sigmoid(-(prior + silence + visits + payments + complaints + cancellation))
    d.prior_logit = prior
    d.silence_logit = silence
    d.visit_logit = visits
    d.payment_logit = payments
    d.complaint_logit = complaints
    d.cancellation_logit = cancellation
    take_features(d.features, c, now, p)
    d.row = row
    d.sequence = c.sequence
    d.status = status
    d.severity = c.severity
    d.causes = c.announced_causes
    out.customers[out.counts[0]] = c
    out.counts[0] += 1
    out.population[0].decisions[status] += 1


@kernel
def speaks(c: Row) -> bool:
    """Whether a cause that opens an episode is active: silent visits only for want of purchases."""
    openers = int(c.causes)
    if int(c.n_purchases) >= 2:
        openers &= ~VISIT_SILENCE
    return openers != 0


@kernel
def judge(c: Row, row: int, now: float, p: Row, out: Output) -> None:
    """Open, update or resolve the customer's episode as its causes and severity stand now."""
    if int(c.episode) == EPISODE_EXPIRED:
        c.causes = 0
    elif int(c.episode) == OPEN:
        if not speaks(c):
            say(c, row, RESOLVED, now, p, out)
            c.episode = NONE
            return
        severity = severity_at(left_logit(c, now, p), p)
        if severity != int(c.severity) or int(c.causes) != int(c.announced_causes):
            c.severity = severity
            say(c, row, UPDATED, now, p, out)
    elif speaks(c):
        c.episode = OPEN
        c.opened_at = now
        c.expiry_due = now + p.churn_horizon_days * DAY_SECONDS
        c.severity = severity_at(left_logit(c, now, p), p)
        say(c, row, OPENED, now, p, out)


@kernel
def step_up(c: Row, row: int, now: float, p: Row, out: Output) -> None:
    """Silence alone has lifted the open episode's severity."""
    c.severity = max(int(c.severity) + 1, severity_at(left_logit(c, now, p), p))
    say(c, row, UPDATED, now, p, out)


@kernel
def expire(c: Row, row: int, now: float, p: Row, out: Output) -> None:
    """The churn horizon has passed in silence: nothing more is said until the customer returns."""
    say(c, row, STATUS_EXPIRED, now, p, out)
    c.episode = EPISODE_EXPIRED
    c.causes = 0


@kernel
def begin_anew(c: Row, t: float) -> None:
    """The customer is back: the next episode is another one, its decisions counted from 1."""
    c.episode = NONE
    if c.anchor != t:
        c.anchor = t
        c.sequence = 0
