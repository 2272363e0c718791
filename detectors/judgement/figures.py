"""The figures that put a decision into words, computed for many decisions at once."""

import math

import numpy as np
from numpy.typing import NDArray

from detectors.cadence.deadline import silence_reaching
from detectors.cadence.posterior import purchase_gap, visit_gap
from detectors.clock.reading import plain_days
from detectors.compiled import Rows, by_name, kernel
from detectors.customer import lives_by_visits
from detectors.judgement.risk import visits_silent_since
from detectors.judgement.value import expected_value
from detectors.profile import Profile
from detectors.signals.change import log_price, threshold
from detectors.signals.windows import counted_visits

LOG_TENTH = math.log(0.1)

FIGURES = np.dtype(
    [
        # median and 9-in-10 gap expected, silence so far: days of the clock, and of the calendar.
        # As of the decision's time; NaN for who never came, and where no term needs it
        ("purchase_gap_days", "f8"),
        ("purchase_p90_days", "f8"),
        ("purchase_silence_days", "f8"),
        ("purchase_calendar_days", "f8"),
        ("visit_gap_days", "f8"),
        ("visit_p90_days", "f8"),
        ("visit_silence_days", "f8"),
        ("visit_calendar_days", "f8"),
        ("recent_visits", "f8"),  # in the last weeks
        # of the rhythm that decides; NaN for who never came
        ("gap_days", "f8"),
        ("p90_gap_days", "f8"),
        ("silence_days", "f8"),
        ("n_gaps", "i8"),  # of their own
        ("value", "f8"),  # expected spend within the value horizon
    ],
    align=True,
)
"""What follows from a DECISION and the CUSTOMER beside it."""

LIMITS = np.dtype([("payments", "f8"), ("complaints", "f8"), ("no_shows", "f8")])
"""The drifts from which on streams are causes."""


def figures_of(
    records: NDArray[np.void], customers: NDArray[np.void], profile: Profile
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """FIGURES[n] of DECISION[n] and CUSTOMER[n], and LIMITS[1]."""
    figures, limits = np.zeros(len(records), FIGURES), np.zeros(1, LIMITS)
    _fill(
        by_name(records), by_name(customers), by_name(profile.records), by_name(figures),
        by_name(limits),
    )  # fmt: skip
    return figures, limits


@kernel
def _fill(records: Rows, customers: Rows, profile: Rows, figures: Rows, limits: Rows) -> None:
    p, bars = profile[0], limits[0]
    price = log_price(p)
    bars.payments = threshold(p.payment_bar, price)
    bars.complaints = threshold(p.complaint_bar, price)
    bars.no_shows = threshold(p.no_show_bar, price)
    for i in range(records.shape[0]):
        d, c, f = records[i], customers[i], figures[i]
        by_visits = lives_by_visits(c)
        bought, visited = int(c.n_purchases) > 0, int(c.n_visits) > 0
        f.purchase_gap_days = f.visit_gap_days = math.nan
        f.gap_days = f.p90_gap_days = f.silence_days = math.nan
        if bought and (d.silence_logit != 0.0 or not by_visits):
            law = purchase_gap(c, p)
            f.purchase_gap_days = math.exp(law[1])
            f.purchase_p90_days = silence_reaching(law, LOG_TENTH)
            f.purchase_silence_days = d.silence_days
            f.purchase_calendar_days = plain_days(c.last_purchase, d.time)
        if visited and (d.visit_logit != 0.0 or by_visits):
            law = visit_gap(c, p)
            f.visit_gap_days = math.exp(law[1])
            f.visit_p90_days = silence_reaching(law, LOG_TENTH)
            f.visit_silence_days = d.visit_silence_days
            f.visit_calendar_days = plain_days(visits_silent_since(c), d.time)
            f.recent_visits = float(counted_visits(c, d.time))
        if by_visits and visited:
            f.gap_days = f.visit_gap_days
            f.p90_gap_days = f.visit_p90_days
            f.silence_days = f.visit_silence_days
            f.n_gaps = int(c.n_visits) - 1
        elif bought and not by_visits:
            f.gap_days = f.purchase_gap_days
            f.p90_gap_days = f.purchase_p90_days
            f.silence_days = f.purchase_silence_days
            f.n_gaps = int(c.n_purchases) - 1
        f.value = expected_value(c, p)
