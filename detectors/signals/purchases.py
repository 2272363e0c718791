"""Purchases: they close gaps, end silence, and name the episode that may follow.

Purchases within an occasion's length of the last one belong to it: they add spend and close no
gap. One older than the last purchase is out of order: it adds spend and counts in its week, but
closes no gap and ends no silence.
"""

import math

from detectors.compiled import Bytes, Row, Rows, kernel
from detectors.customer import DAY_SECONDS
from detectors.observations import PurchaseKind
from detectors.signals.spend import refund_amount, spend_amount
from detectors.signals.trouble import copy_id
from detectors.signals.windows import count_purchase

REFUND = int(PurchaseKind.REFUND)


@kernel
def see_purchase(c: Row, o: Row, ids: Bytes, p: Row, population: Rows) -> bool:
    """Take one purchase into the row; True when it ends the silence."""
    if int(o.kind) == REFUND:
        refund_amount(c, o)
        return False
    t = o.event_time
    spend_amount(c, o)
    count_purchase(c, t)
    if c.snapshot_time < t <= c.tick_due:
        c.returned = 1
    if int(c.n_purchases) > 0 and t < c.last_purchase:
        population[0].out_of_order += 1
        return False
    gap_seconds = t - c.last_purchase if int(c.n_purchases) > 0 else math.inf
    if gap_seconds >= p.occasion_seconds:
        c.n_purchases += 1
        if gap_seconds < math.inf:
            log_gap = math.log(gap_seconds / DAY_SECONDS)
            c.gap_count += 1.0
            c.gap_log_sum += log_gap
            c.gap_log_squares += log_gap * log_gap
            population[0].gap_count += 1.0
            population[0].gap_log_sum += log_gap
            population[0].gap_log_squares += log_gap * log_gap
    c.last_purchase = t
    c.purchase_id_length = copy_id(c.purchase_id, ids, o.id_start, o.id_end, o.id_hash)
    c.causes = 0
    c.visit_evidence = 0.0
    c.cancelling = 0
    return True
