"""What a customer spends: a sum, moments of ln amount and a moving mean of it, in one currency.

Falling spend is a change detector (`change`): with the customer's mean m and scale s of ln amount
so far (s shrunk to the population's, s^2 = (s0 v0 + sum of squares) / (s0 + n - 1) (1 + 1/n)),

    z = (ln amount - m) / s, within +-3;   W <- max(0, W - z - 1/2)

which is the log-likelihood ratio of a mean lower by one standard deviation.

Another unit of money shifts every ln amount alike: trends do not see it, and the online model,
which scales its features, takes the shift for their mean.
"""

import math

from detectors.compiled import Row, kernel
from detectors.signals.change import cusum

RECENT_SHARE = 0.2  # weight of the newest amount in the moving mean: about the last nine
PRIOR_VARIANCE = 0.25  # of ln amount: a basket is usually within a factor of e^0.5
MOST_Z = 3.0  # one odd basket says no more than that
DRIFT = 0.5  # half of the shift that is looked for, in standard deviations
LEAST_PRICED = 3  # amounts before the next one is compared with them
STEPS = 256.0  # z is rounded to 1/256: another unit of money then gives the same sum, bit by bit


@kernel
def change_currency(c: Row, currency: int) -> None:
    """Start anew: sums of two currencies mean nothing."""
    c.currency = currency
    c.spend = 0.0
    c.n_priced = 0
    c.amount_log_sum = 0.0
    c.amount_log_squares = 0.0
    c.amount_log_recent = 0.0
    c.spend_drift = 0.0


@kernel
def compare_amount(c: Row, log_amount: float, p: Row) -> None:
    """Take one ln amount into the drift, against those before it."""
    n = float(c.n_priced)
    if n < LEAST_PRICED:
        return
    mean = c.amount_log_sum / n
    spread = max(c.amount_log_squares - c.amount_log_sum * mean, 0.0)
    variance = (p.spend_variance_count * p.spend_variance + spread) / (
        p.spend_variance_count + n - 1.0
    )
    z = (log_amount - mean) / math.sqrt(variance * (1.0 + 1.0 / n))
    z = math.floor(min(max(z, -MOST_Z), MOST_Z) * STEPS + 0.5) / STEPS
    c.spend_drift = cusum(c.spend_drift, -z - DRIFT)


@kernel
def spend_amount(c: Row, o: Row, p: Row) -> None:
    """Add a purchase's amount; absent and zero amounts change nothing."""
    if not o.amount > 0.0:
        return
    if int(c.currency) != int(o.currency):
        change_currency(c, o.currency)
    log_amount = math.log(o.amount)
    recent = float(c.amount_log_recent)
    c.amount_log_recent = (
        log_amount if int(c.n_priced) == 0 else recent + RECENT_SHARE * (log_amount - recent)
    )
    compare_amount(c, log_amount, p)
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
    return float((float(c.amount_log_recent) - mean) / math.sqrt((spread + PRIOR_VARIANCE) / n))


@kernel
def usual_log_amount(c: Row) -> float:
    """Mean ln amount of the priced purchases, in `currency`; 0 without any."""
    n = float(c.n_priced)
    return float(c.amount_log_sum / n) if n > 0.0 else 0.0
