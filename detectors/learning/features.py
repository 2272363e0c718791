"""The features of a customer at a time, and the examples that their outcomes make of them.

Every customer with two purchases is looked at on a grid of one horizon's length, whose phase is
spread over the customers by their id. At each tick the pending snapshot is labelled (did a
purchase follow within the horizon?) and the next one is taken: both classes are learnt at the same
delay, when the label is sure. A customer silent for the churn horizon is left out until they buy
again, or the long gone would be all that there is to learn from.
"""

import math

import numpy as np

from detectors.clock.reading import plain_days
from detectors.compiled import Row, Rows, kernel
from detectors.customer import DAY_SECONDS
from detectors.judgement.risk import assess, bounded, visit_silence_logit
from detectors.learning.names import FEATURES
from detectors.signals.fading import complaints_at, payment_drift_at
from detectors.signals.spend import spend_trend, usual_log_amount
from detectors.signals.trouble import cancellation_evidence
from detectors.signals.visits import missed_ratio
from detectors.signals.windows import old_purchases, trends

__all__ = ["EXAMPLE", "FEATURES", "start_ticking", "take_features", "tick"]

EXAMPLE = np.dtype(
    [
        ("snapshot_time", "f8"),  # when the features were taken
        ("label_time", "f8"),  # snapshot_time + horizon
        ("static_logit", "f8"),  # log-odds of the static P(no purchase in the horizon)
        ("features", "f4", (len(FEATURES),)),
        ("row", "i4"),
        ("outcome", "u1"),  # 1 = no purchase in (snapshot_time, label_time]
    ],
    align=True,
)
"""One learning example, emitted once the watermark is past its label time."""


@kernel
def take_features(target: Rows, c: Row, t: float, p: Row) -> None:
    """Write the customer's features at t, in the order of FEATURES; all finite."""
    risk = assess(c, t, p)[3]
    purchases, visits = trends(c, t)
    target[0] = risk
    target[1] = bounded(visit_silence_logit(c, t, p))
    target[2] = payment_drift_at(c, t, p)
    target[3] = complaints_at(c, t, p)
    target[4] = cancellation_evidence(c, p)
    target[5] = math.log1p(plain_days(c.first_seen, t))
    target[6] = math.log(max(float(c.n_purchases), 1.0))
    target[7] = math.log(float(c.last_gap)) if c.last_gap > 0.0 else 0.0
    target[8] = math.log(0.5 + old_purchases(c, t))
    target[9] = usual_log_amount(c)
    target[10] = spend_trend(c)
    target[11] = purchases
    target[12] = visits
    target[13] = missed_ratio(c)


@kernel
def grid_tick_after(t: float, hashed: np.uint64, p: Row) -> float:
    """The first time after t on the customer's grid: phase + k horizons."""
    step = p.horizon_days * DAY_SECONDS
    phase = step * (float(hashed >> np.uint64(11)) / 9007199254740992.0)  # 53 bits of the hash
    tick = phase + step * math.floor((t - phase) / step + 1.0)
    return float(tick if tick > t else tick + step)


@kernel
def start_ticking(c: Row, now: float, hashed: np.uint64, p: Row) -> None:
    """Put a customer with a gap on the grid, unless they already are."""
    if c.tick_due == math.inf and int(c.n_purchases) >= 2:
        c.tick_due = grid_tick_after(now, hashed, p)


@kernel
def tick(c: Row, row: int, p: Row, e: Row) -> bool:
    """Label the pending snapshot into e, if there is one (True), and take the next."""
    t = c.tick_due
    pending = bool(c.snapshot_time <= t)  # NaN: none
    if pending:
        e.snapshot_time = c.snapshot_time
        e.label_time = t
        e.static_logit = float(c.features[0])
        e.features[:] = c.features
        e.row = row
        e.outcome = 0 if int(c.returned) == 1 else 1
    if plain_days(c.last_purchase, t) >= p.churn_horizon_days:
        c.snapshot_time = math.nan
        c.tick_due = math.inf
    else:
        take_features(c.features, c, t, p)
        c.snapshot_time = t
        c.tick_due = t + p.horizon_days * DAY_SECONDS
        c.returned = 1 if c.last_purchase > t else 0
    return pending
