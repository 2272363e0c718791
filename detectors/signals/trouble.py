"""Leaky counters of trouble: what they add to the log-odds, and how they forget.

A counter halves with every half-life and is kept as of the row's `applied_until`. A late event
weighs what would be left of it. Between observations the evidence stands still, so that silence
alone never lowers a risk.
"""

from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS

FORGOTTEN = 1e-6  # a counter below this is 0


@kernel
def remaining(seconds: float, half_life_days: float) -> float:
    """Share of a count that is left after so many seconds."""
    return float(2.0 ** (-max(seconds, 0.0) / (half_life_days * DAY_SECONDS)))


@kernel
def forget(c: Row, now: float, p: Row) -> None:
    """Bring both counters forward from `applied_until` to now."""
    if c.payment_trouble > 0.0:
        left = c.payment_trouble * remaining(now - c.applied_until, p.payment_half_life_days)
        c.payment_trouble = left if left > FORGOTTEN else 0.0
    if c.complaints > 0.0:
        left = c.complaints * remaining(now - c.applied_until, p.complaint_half_life_days)
        c.complaints = left if left > FORGOTTEN else 0.0


@kernel
def payment_evidence(c: Row, p: Row) -> float:
    """Log-odds that the payments add."""
    return float(min(p.evidence_cap, p.payment_weight * c.payment_trouble))


@kernel
def complaint_evidence(c: Row, p: Row) -> float:
    """Log-odds that the complaints add."""
    return float(min(p.evidence_cap, p.complaint_weight * c.complaints))


@kernel
def cancellation_evidence(c: Row, p: Row) -> float:
    """Log-odds that a standing request to cancel adds."""
    return float(p.cancellation_weight) if int(c.cancelling) == 1 else 0.0
