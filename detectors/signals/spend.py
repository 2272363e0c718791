"""What a customer spends: a sum, moments of ln amount and a moving mean of it, in one currency.

Another unit of money shifts every ln amount alike: trends do not see it, and the online model,
which scales its features, takes the shift for their mean.
"""

import math

from detectors.compiled import Row, kernel

RECENT_SHARE = 0.2  # weight of the newest amount in the moving mean: about the last nine
PRIOR_VARIANCE = 0.25  # of ln amount: a basket is usually within a factor of e^0.5


@kernel
def change_currency(c: Row, currency: int) -> None:
    """Start anew: sums of two currencies mean nothing."""
    c.currency = currency
    c.spend = 0.0
    c.n_priced = 0
    c.amount_log_sum = 0.0
    c.amount_log_squares = 0.0
    c.amount_log_recent = 0.0


@kernel
def spend_amount(c: Row, o: Row) -> None:
    """Add a purchase's amount; absent and zero amounts change nothing."""
    if not o.amount > 0.0:
        return
    if int(c.currency) != int(o.currency):
        change_currency(c, o.currency)
    log_amount = math.log(o.amount)
    c.amount_log_recent = (
        log_amount
        if int(c.n_priced) == 0
        else c.amount_log_recent + RECENT_SHARE * (log_amount - c.amount_log_recent)
    )
    c.n_priced += 1
    c.spend += o.amount
    c.amount_log_sum += log_amount
    c.amount_log_squares += log_amount * log_amount


@kernel
def refund_amount(c: Row, o: Row) -> None:
    """Take a refund off the spend; of another currency it only counts."""
    c.n_refunds = min(int(c.n_refunds) + 1, 65_535)
    if o.amount > 0.0 and int(c.currency) == int(o.currency):
        c.spend -= o.amount


@kernel
def spend_trend(c: Row) -> float:
    """How far the moving mean of ln amount is from its mean, in (shrunk) standard deviations."""
    n = float(c.n_priced)
    if n < 2.0:
        return 0.0
    mean = c.amount_log_sum / n
    spread = max(c.amount_log_squares - c.amount_log_sum * mean, 0.0)
    return float((c.amount_log_recent - mean) / math.sqrt((spread + PRIOR_VARIANCE) / n))


@kernel
def usual_log_amount(c: Row) -> float:
    """Mean ln amount of the priced purchases, in `currency`; 0 without any."""
    n = float(c.n_priced)
    return float(c.amount_log_sum / n) if n > 0.0 else 0.0
