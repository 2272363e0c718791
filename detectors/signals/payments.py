"""Payments: a change detector of those that are in trouble.

A Bernoulli trial for every payment (`change`) against the customer's usual share of trouble, a beta
posterior around the population's. What is late, failed or cancelled is one bad outcome, what is
taken back by the bank two, a refund half a one; late by a whole period counts twice, and a payment
that comes a period after it was due is late, whatever it is called. Late news weighs what would be
left of it.
"""

from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS
from detectors.observations import PaymentStatus
from detectors.signals.change import cusum, outcome_ratio, usual_share
from detectors.signals.effects import NOTHING, TROUBLED
from detectors.signals.fading import remaining

PAID = int(PaymentStatus.PAID)
LATE = int(PaymentStatus.LATE)
REFUNDED = int(PaymentStatus.REFUNDED)
CHARGEBACK = int(PaymentStatus.CHARGEBACK)
MOST = 65_535


@kernel
def periods_late(paid: float, due: float, period_days: float) -> float:
    """How many periods after its due time a payment comes, at most 1; 0 where either is unknown."""
    if not (period_days > 0.0 and due < paid):  # NaN compares as false
        return 0.0
    return min((paid - due) / (period_days * DAY_SECONDS), 1.0)


@kernel
def payment_trouble(status: int, lateness: float) -> float:
    """How many bad outcomes a payment is, by its status and the periods that it was late by."""
    if status == PAID:
        return 1.0 if lateness >= 1.0 else 0.0
    if status == LATE:
        return 2.0 if lateness >= 1.0 else 1.0
    if status == CHARGEBACK:
        return 2.0
    return 0.5 if status == REFUNDED else 1.0


@kernel
def see_payment(c: Row, o: Row, p: Row) -> int:
    """Take one payment into the row, drift as of its effective time; its effects."""
    bad = payment_trouble(int(o.kind), periods_late(o.event_time, o.value, o.extra))
    share = usual_share(
        float(c.n_payment_troubles), float(c.n_paid), p.payment_share, p.payment_share_count
    )
    if bad == 0.0:
        c.n_paid = min(int(c.n_paid) + 1, MOST)
        c.payment_trouble = cusum(c.payment_trouble, outcome_ratio(0.0, share))
        return NOTHING
    c.n_payment_troubles = min(int(c.n_payment_troubles) + 1, MOST)
    left = remaining(o.effective_time - o.event_time, p.payment_half_life_days)
    c.payment_trouble = cusum(c.payment_trouble, outcome_ratio(bad * left, share))
    return TROUBLED
