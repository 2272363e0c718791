"""Purchases: they close gaps, end silence, and name the episode that may follow.

Purchases within an occasion's length of the last one belong to it: they add spend and close no
gap. One older than the last purchase is out of order: it adds spend and counts in its week, but
closes no gap and ends no silence.
"""

import math

from detectors.cadence.posterior import close_gap, purchase_gap
from detectors.clock.learnt import count_hour
from detectors.clock.outages import gap_seconds
from detectors.clock.value import HOUR_SECONDS
from detectors.compiled import Row, kernel
from detectors.customer import CANCELLATION_REQUEST, DAY_SECONDS, PURCHASE_SILENCE
from detectors.observations import PURCHASES, VISITS, PurchaseKind
from detectors.signals.effects import BOUGHT, NOTHING, RETURNED
from detectors.signals.spend import refund_amount, spend_amount
from detectors.signals.windows import count_purchase

REFUND = int(PurchaseKind.REFUND)


@kernel
def see_purchase(c: Row, o: Row, p: Row, population: Row) -> int:
    """Take one purchase into the row; its effects."""
    if int(o.kind) == REFUND:
        refund_amount(c, o)
        return NOTHING
    t = o.event_time
    spend_amount(c, o, p)
    count_purchase(c, t)
    if c.snapshot_time < t <= c.tick_due:
        c.returned = 1
    if int(c.n_purchases) > 0 and t < c.last_purchase:
        population.out_of_order[PURCHASES] += 1
        return NOTHING
    known = int(c.n_purchases) > 0
    gap = gap_seconds(p, PURCHASES, c.last_purchase, t) if known else math.inf
    if not known or t - c.last_purchase >= HOUR_SECONDS:
        count_hour(p, population, t)
    if gap >= p.occasion_seconds:
        if gap < math.inf:
            close_gap(c, gap / DAY_SECONDS, purchase_gap(c, p), p)
            population.gap_count += 1.0
            population.gap_log_sum += math.log(gap / DAY_SECONDS)
        c.n_purchases += 1
    if int(c.n_visits) > 0:
        quiet = gap_seconds(p, VISITS, max(c.last_visit, c.last_purchase), t) / DAY_SECONDS
        c.visit_quiet = max(c.visit_quiet, quiet)  # NaN, before the first purchase, is not greater
    c.last_purchase = t
    c.causes = int(c.causes) & ~(PURCHASE_SILENCE | CANCELLATION_REQUEST)
    c.cancelling = 0
    return RETURNED | BOUGHT
