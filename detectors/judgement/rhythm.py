"""A customer's rhythm as a picture needs it: the survival of their gaps, the silence, the deadline.

Of purchases, or of visits for who lives by them. Days are days of the clock, outages taken out, as
everywhere in `judgement`; a look, by which nothing changes.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.cadence.deadline import silence_reaching
from detectors.cadence.law import log_survival_of
from detectors.cadence.posterior import purchase_gap, visit_gap
from detectors.clock.outages import silent_days
from detectors.compiled import Row, by_name, kernel
from detectors.customer import CUSTOMER, lives_by_visits
from detectors.judgement.figures import LOG_TENTH
from detectors.judgement.risk import visits_silent_since
from detectors.judgement.schedule import purchase_deadline, visit_deadline
from detectors.observations import PURCHASES, VISITS
from detectors.profile import Profile

POINTS = 121  # of the curve: closer than a pixel where it falls
ROOM = 1.15  # how far the curve goes beyond the last thing that is marked on it

_FIGURES = np.dtype(
    [
        ("since", "f8"),
        ("gap_days", "f8"),
        ("p90_days", "f8"),
        ("silence_days", "f8"),
        ("survival", "f8"),
        ("deadline", "f8"),
        ("deadline_days", "f8"),
        ("by_visits", "u1"),
    ],
    align=True,
)


class Rhythm(NamedTuple):
    """What is usual, what is, and when it is enough."""

    by_visits: bool  # else by purchases
    since: float  # the last purchase or visit, seconds since the epoch
    gap_days: float  # the usual gap: the median of the next one
    p90_days: float | None  # 9 in 10 gaps are shorter; None: beyond counting
    silence_days: float  # so far
    survival: float  # the chance that a gap is longer than the silence so far
    deadline: float | None  # when silence alone is worth an alert; None: never
    deadline_days: float | None  # the same in days of silence
    curve: list[tuple[float, float]]  # (days, chance that a gap is longer), from 0 on


def rhythm_of(customer: np.void, now: float, profile: Profile) -> Rhythm | None:
    """The rhythm of a row of CUSTOMER as of `now` (seconds since the epoch); None: they never came.

    The deadline is what it would be if nothing had been said yet, so that of an open episode it is
    when silence alone would have opened it. Where the clock is learnt, `profile` holds the one in
    effect (`CustomerState.profile_in_effect`).
    """
    rows = np.frombuffer(customer.tobytes(), CUSTOMER).copy()
    figures = np.zeros(1, _FIGURES)
    days, survival = np.empty(POINTS), np.empty(POINTS)
    _trace(by_name(rows)[0], now, profile.record, by_name(figures)[0], days, survival)
    found = figures[0]
    if not math.isfinite(found["since"]):
        return None
    return Rhythm(
        by_visits=bool(found["by_visits"]),
        since=float(found["since"]),
        gap_days=float(found["gap_days"]),
        p90_days=_finite(found["p90_days"]),
        silence_days=float(found["silence_days"]),
        survival=float(found["survival"]),
        deadline=_finite(found["deadline"]),
        deadline_days=_finite(found["deadline_days"]),
        curve=list(zip(days.tolist(), survival.tolist(), strict=True)),
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@kernel
def _trace(
    c: Row, now: float, p: Row, f: Row, days: NDArray[np.float64], survival: NDArray[np.float64]
) -> None:
    """Fill f and the curve. c is a copy: it forgets what was said of it."""
    by_visits = lives_by_visits(c)
    f.by_visits = 1 if by_visits else 0
    f.since = visits_silent_since(c) if by_visits else c.last_purchase
    if not math.isfinite(f.since) or (by_visits and int(c.n_visits) == 0):
        f.since = math.nan
        return
    source = VISITS if by_visits else PURCHASES
    c.causes = 0
    law = visit_gap(c, p) if by_visits else purchase_gap(c, p)
    f.gap_days = math.exp(law[1])
    f.p90_days = silence_reaching(law, LOG_TENTH)
    f.silence_days = silent_days(p, source, f.since, now)
    f.survival = math.exp(log_survival_of(f.silence_days, law))
    f.deadline = visit_deadline(c, now, p) if by_visits else purchase_deadline(c, p)
    f.deadline_days = math.inf
    reach = max(2.0 * f.gap_days, f.silence_days)
    if math.isfinite(f.deadline):
        f.deadline_days = silent_days(p, source, f.since, f.deadline)
        reach = max(reach, f.deadline_days)
    if math.isfinite(f.p90_days):
        reach = max(reach, f.p90_days)
    for i in range(days.shape[0]):
        share = i / (days.shape[0] - 1.0)
        days[i] = ROOM * reach * share * share  # closer at the start, where it falls
        survival[i] = math.exp(log_survival_of(days[i], law))
