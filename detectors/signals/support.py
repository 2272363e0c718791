"""Support: a change detector of complaints, and requests to cancel.

Complaints come at a usual rate l0 (`fading.complaint_rate`), of who is about to leave at l1.
Between them the drift leaks by l1 - l0 a day (half as fast while a ticket is open), and each adds

    weight * ln(l1 / l0)

the log-likelihood ratio of two Poisson processes. A complaint weighs by severity (none or medium
1, low 1/2, high 2, critical 3), a detractor's NPS (0-6) or a low CSAT (1-2) 1, an unsubscription
1, an opened ticket or an ignored message 1/4. What is resolved halves the drift. Who often ignores
messages has a high rate of their own, and is not alarming by it. A request to cancel is a cause at
once and stands until a purchase or a solution.
"""

import math

from detectors.compiled import Row, kernel
from detectors.customer import CANCELLATION_REQUEST, DAY_SECONDS
from detectors.observations import SupportKind
from detectors.signals.change import cusum
from detectors.signals.effects import NOTHING, TROUBLED
from detectors.signals.fading import complaint_rate, troubled_rate

OPENED = int(SupportKind.OPENED)
COMPLAINT = int(SupportKind.COMPLAINT)
RESOLVED = int(SupportKind.RESOLVED)
NPS = int(SupportKind.NPS)
CSAT = int(SupportKind.CSAT)
REQUEST = int(SupportKind.CANCELLATION_REQUEST)
UNSUBSCRIBED = int(SupportKind.UNSUBSCRIBED)
DETRACTOR = 6.0
LOW_CSAT = 2.0
MOST = 65_535
MOST_TICKETS = 255


@kernel
def complaint_weight(kind: int, score: float, severity: float) -> float:
    """How much of a complaint an observation is; 0 for what is none, absent scores included."""
    if kind == COMPLAINT:
        if severity == 1.0:
            return 0.5
        return severity - 1.0 if severity >= 3.0 else 1.0
    if kind == NPS:
        return 1.0 if score <= DETRACTOR else 0.0
    if kind == CSAT:
        return 1.0 if score <= LOW_CSAT else 0.0
    return 1.0 if kind == UNSUBSCRIBED else 0.25


@kernel
def see_support(c: Row, o: Row, p: Row) -> int:
    """Take one contact into the row, drift as of its effective time; its effects."""
    kind = int(o.kind)
    if kind == RESOLVED:
        c.open_tickets = max(int(c.open_tickets) - 1, 0)
        c.complaints *= 0.5
        c.cancelling = 0
        c.causes = int(c.causes) & ~CANCELLATION_REQUEST
        return NOTHING
    if kind == REQUEST:
        c.cancelling = 1
        c.causes = int(c.causes) | CANCELLATION_REQUEST
        return TROUBLED
    if kind == OPENED:
        c.open_tickets = min(int(c.open_tickets) + 1, MOST_TICKETS)
    weight = complaint_weight(kind, o.value, o.extra)
    if weight == 0.0:
        return NOTHING
    now = o.effective_time
    usual = complaint_rate(c, now, p)
    changed = troubled_rate(usual, p)
    c.n_complaints = min(int(c.n_complaints) + 1, MOST)
    leaked = (changed - usual) * max(now - o.event_time, 0.0) / DAY_SECONDS
    c.complaints = cusum(c.complaints, max(weight * math.log(changed / usual) - leaked, 0.0))
    return TROUBLED
