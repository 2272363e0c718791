"""Change detectors in general: log-likelihood ratios summed by Page's rule.

A stream that may have changed at an unknown time is watched by

    W <- max(0, W + ln [P(x | changed) / P(x | as usual)])

after each observation x: the greatest log-likelihood ratio over all times at which the change may
have begun. One number a stream, 0 = nothing speaks for a change. An episode opens when W reaches

    ln(alert cost in days) + bar

since the odds at which stopping pays rise in proportion to what a false alert costs (Shiryaev
1963); the bar is the stream's own, for they differ in how often chance alone lifts W.

Sources: Page 1954; Lorden 1971 for its delay against its false alarms.
"""

import math

from detectors.compiled import Row, kernel

MOST = 15.0  # e^15, 3 million to 1, is as sure as it gets, and a stream can still recover from it
EIGHTHS = 8.0
LEAST_THRESHOLD = 3.0  # e^3, 20 to 1: however cheap a false alert is, one late payment is no cause
LEAST_PRICE = 60.0  # days: what changes slowly can wait, even if false alerts cost next to nothing


@kernel
def cusum(drift: float, ratio: float) -> float:
    """W after one more log-likelihood ratio; within 0 and MOST."""
    return min(max(float(drift) + ratio, 0.0), MOST)


@kernel
def log_price(p: Row) -> float:
    """ln of what a false alert costs, in days, at least LEAST_PRICE."""
    return math.log(max(p.alert_cost_days, LEAST_PRICE))


@kernel
def threshold(bar: float, log_cost: float) -> float:
    """The W at which a stream with this bar opens an episode by itself."""
    return max(log_cost + bar, LEAST_THRESHOLD)


@kernel
def counted(drift: float, weight: float, p: Row) -> float:
    """Log-odds that a drift adds: its share, at most `evidence_cap`, in whole eighths.

    Eighths, because what is smaller is not worth solving a deadline anew for.
    """
    return float(math.floor(min(p.evidence_cap, weight * float(drift)) * EIGHTHS) / EIGHTHS)


@kernel
def usual_share(bad: float, good: float, prior: float, prior_count: float) -> float:
    """p0: the share of bad outcomes, a beta posterior mean; within 0 and 1, ends excluded."""
    return (prior * prior_count + bad) / (prior_count + bad + good)


@kernel
def outcome_ratio(bad: float, share: float) -> float:
    """ln P(outcome | changed) / P(outcome | usual), with p1 = max(1/2, 2 p0), at most (1 + p0) / 2.

    `bad` 0 is a good outcome, anything else counts so many times. The last bound keeps p1 below 1
    and above p0, so that a bad outcome never speaks for the customer.
    """
    changed = min(max(0.5, 2.0 * share), 0.5 * (1.0 + share))
    if bad > 0.0:
        return bad * math.log(changed / share)
    return math.log((1.0 - changed) / (1.0 - share))
