"""Support: a leaky counter of complaints, and requests to cancel.

A complaint weighs by severity (none or medium 1, low 1/2, high 2, critical 3), a detractor's NPS
(0-6) or a low CSAT (1-2) 1, an unsubscription 1, an opened ticket or an ignored message 1/4. What
is resolved halves the counter. A request to cancel is a cause at once and stands until a purchase
or a solution.
"""

from detectors.compiled import Row, kernel
from detectors.customer import CANCELLATION_REQUEST, COMPLAINTS
from detectors.observations import SupportKind
from detectors.signals.effects import NOTHING, TROUBLED
from detectors.signals.trouble import remaining

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
    """Take one contact into the row, counters as of its effective time; its effects."""
    kind = int(o.kind)
    if kind == RESOLVED:
        c.complaints *= 0.5
        c.cancelling = 0
        c.causes = int(c.causes) & ~CANCELLATION_REQUEST
        if c.complaints < 0.5 * p.complaint_threshold:
            c.causes = int(c.causes) & ~COMPLAINTS
        return NOTHING
    if kind == REQUEST:
        c.cancelling = 1
        c.causes = int(c.causes) | CANCELLATION_REQUEST
        return TROUBLED
    weight = complaint_weight(kind, o.value, o.extra)
    if weight == 0.0:
        return NOTHING
    c.n_complaints = min(int(c.n_complaints) + 1, MOST)
    lateness = o.effective_time - o.event_time
    c.complaints += weight * remaining(lateness, p.complaint_half_life_days)
    if c.complaints >= p.complaint_threshold:
        c.causes = int(c.causes) | COMPLAINTS
    return TROUBLED
