"""How what was said of trouble fades when nothing more is heard."""

from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS

FORGOTTEN = 1e-6  # what is below this is 0


@kernel
def remaining(seconds: float, half_life_days: float) -> float:
    """Share of a drift that is left after so many seconds."""
    return float(2.0 ** (-max(seconds, 0.0) / (half_life_days * DAY_SECONDS)))


@kernel
def payment_drift_at(c: Row, now: float, p: Row) -> float:
    """The payments' drift as of now, not before `applied_until`."""
    if c.payment_trouble <= 0.0:
        return 0.0
    left = float(c.payment_trouble) * remaining(now - c.applied_until, p.payment_half_life_days)
    return float(left) if left > FORGOTTEN else 0.0


@kernel
def complaint_rate(c: Row, now: float, p: Row) -> float:
    """Complaints a day that are usual: the customer's own rate, shrunk to the population's.

    A gamma posterior mean: (k + n) / (k / population's rate + days known), k = complaint_count.
    """
    days = max(now - c.first_seen, 0.0) / DAY_SECONDS
    usual = p.complaints_a_year / 365.25
    count = p.complaint_count
    return float((count + float(c.n_complaints)) / (count / usual + days))


@kernel
def troubled_rate(usual: float, p: Row) -> float:
    """Complaints a day of who is about to leave: one in `complaint_every_days`, or four times."""
    return float(max(1.0 / p.complaint_every_days, 4.0 * usual))


@kernel
def complaints_at(c: Row, now: float, p: Row) -> float:
    """The complaints' drift as of now: l1 - l0 a day less, half of it while a ticket is open."""
    if c.complaints <= 0.0:
        return 0.0
    usual = complaint_rate(c, now, p)
    leak = troubled_rate(usual, p) - usual
    if int(c.open_tickets) > 0:
        leak *= 0.5
    return float(
        max(float(c.complaints) - leak * max(now - c.applied_until, 0.0) / DAY_SECONDS, 0.0)
    )


@kernel
def fade(c: Row, now: float, p: Row) -> None:
    """Bring both drifts forward from `applied_until` to now."""
    c.payment_trouble = payment_drift_at(c, now, p)
    c.complaints = complaints_at(c, now, p)
