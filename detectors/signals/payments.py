"""Payments: a leaky counter of trouble.

Late, failed and cancelled weigh 1, a chargeback 2, a refund one half; a payment that works halves
what is left of the trouble. At the profile's threshold the counter is a cause for an episode, and
it stops being one when payments have brought it below half of that.
"""

from detectors.compiled import Row, kernel
from detectors.customer import PAYMENT_TROUBLE
from detectors.observations import PaymentStatus
from detectors.signals.effects import NOTHING, TROUBLED
from detectors.signals.trouble import remaining

PAID = int(PaymentStatus.PAID)
REFUNDED = int(PaymentStatus.REFUNDED)
CHARGEBACK = int(PaymentStatus.CHARGEBACK)
MOST = 65_535


@kernel
def payment_weight(status: int) -> float:
    """How much trouble a payment's status is."""
    if status == CHARGEBACK:
        return 2.0
    return 0.5 if status == REFUNDED else 1.0


@kernel
def see_payment(c: Row, o: Row, p: Row) -> int:
    """Take one payment into the row, counters as of its effective time; its effects."""
    if int(o.kind) == PAID:
        c.n_paid = min(int(c.n_paid) + 1, MOST)
        c.payment_trouble *= 0.5
        if c.payment_trouble < 0.5 * p.payment_threshold:
            c.causes = int(c.causes) & ~PAYMENT_TROUBLE
        return NOTHING
    c.n_payment_troubles = min(int(c.n_payment_troubles) + 1, MOST)
    lateness = o.effective_time - o.event_time
    c.payment_trouble += payment_weight(int(o.kind)) * remaining(lateness, p.payment_half_life_days)
    if c.payment_trouble >= p.payment_threshold:
        c.causes = int(c.causes) | PAYMENT_TROUBLE
    return TROUBLED
