"""How likely a profile makes what followed each purchase, asked of the engine itself.

Whatever the law of gaps is: right after a purchase the engine gives a chance R(h) that none comes
within h days (`Profile.horizon_days`), so that

    P(the next one comes on the day d after it) = R(d) - R(d + 1),     R(0) = 1
"""

import numpy as np

from detectors.compiled import Rows, by_name, kernel
from detectors.judgement.risk import assess, sigmoid
from detectors.lab.engine_rows import rows_after
from detectors.lab.histories import Days, Histories
from detectors.profile import Profile

LEAST_CHANCE = 1e-9  # of what followed a purchase: the log of one surprise is -21


def log_likelihoods(histories: Histories, profile: Profile) -> Days:
    """ln of the chance of what followed each purchase, as the engine saw it right after: [n].

    Of a gap: that the next purchase falls on the day, counted from the last one, on which it fell;
    of the last, open one: that none comes until the end. No chance counts for less than
    `LEAST_CHANCE`.
    """
    rows = rows_after(histories, np.arange(histories.day.size), profile)
    gaps = histories.gaps
    ended = np.isfinite(gaps)
    begins = np.where(ended, np.floor(np.where(ended, gaps, 0.0)), histories.end - histories.day)
    ends = np.where(ended, begins + 1.0, np.inf)
    out = np.empty(len(rows))
    _followed_all(by_name(rows), begins, ends, by_name(profile.records.copy()), out)
    return np.asarray(np.log(np.maximum(out, LEAST_CHANCE)))


@kernel
def _followed_all(rows: Rows, begins: Days, ends: Days, profile: Rows, out: Days) -> None:
    p = profile[0]
    for i in range(rows.shape[0]):
        chance = 1.0
        if begins[i] > 0.0:
            p.horizon_days = begins[i]
            chance = sigmoid(assess(rows[i], rows[i].last_purchase, p)[3])
        if ends[i] < np.inf:
            p.horizon_days = ends[i]
            chance -= sigmoid(assess(rows[i], rows[i].last_purchase, p)[3])
        out[i] = chance
