"""Visits: a rhythm of their own; and the visits that did not take place.

Visits within an occasion's length of the last one belong to it. Visits called off or missed are
counted, those put off to another day apart from the rest, and end no silence.

Bookings that are not kept are a change detector of their own (`change`): a Bernoulli trial for
every booking that was kept, called off or missed, against the customer's usual share of those. What
is put off is neither.
"""

import math

from detectors.clock.learnt import count_hour
from detectors.clock.outages import gap_seconds
from detectors.clock.value import HOUR_SECONDS
from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS, PURCHASE_SILENCE, VISIT_SILENCE, lives_by_visits
from detectors.observations import VISITS, VisitKind
from detectors.signals.change import counted, cusum, outcome_ratio, usual_share
from detectors.signals.effects import NOTHING, RETURNED, TROUBLED
from detectors.signals.visit_gaps import close_visit_gap
from detectors.signals.windows import count_visit

ATTENDED = int(VisitKind.ATTENDED)
CANCELLED = int(VisitKind.CANCELLED)
NO_SHOW = int(VisitKind.NO_SHOW)
LESSON = int(VisitKind.LESSON)
MOST = 65_535


@kernel
def see_booking(c: Row, o: Row, p: Row) -> None:
    """One booking that was kept, or was not, into its change detector."""
    missed = int(o.kind) == CANCELLED or int(o.kind) == NO_SHOW
    bad = float(c.n_cancelled) + float(c.n_no_show)
    share = usual_share(bad, float(c.n_visits), p.missed_share, p.missed_share_count)
    c.no_show_drift = cusum(c.no_show_drift, outcome_ratio(1.0 if missed else 0.0, share))


@kernel
def see_visit(c: Row, o: Row, p: Row, population: Row) -> int:
    """Take one visit into the row; its effects: it brings back who lives by visits."""
    if int(o.kind) == CANCELLED or int(o.kind) == NO_SHOW:
        if o.extra == 1.0:
            c.n_rescheduled = min(int(c.n_rescheduled) + 1, MOST)
            return NOTHING
        see_booking(c, o, p)
        if int(o.kind) == CANCELLED:
            c.n_cancelled = min(int(c.n_cancelled) + 1, MOST)
        else:
            c.n_no_show = min(int(c.n_no_show) + 1, MOST)
        return TROUBLED
    if int(o.kind) == ATTENDED or int(o.kind) == LESSON:
        see_booking(c, o, p)
    t = o.event_time
    count_visit(c, t)
    if int(c.n_visits) > 0 and t < c.last_visit:
        population.out_of_order[VISITS] += 1
        return NOTHING
    known = int(c.n_visits) > 0
    gap = gap_seconds(p, VISITS, c.last_visit, t) if known else math.inf
    if lives_by_visits(c) and (not known or t - c.last_visit >= HOUR_SECONDS):
        count_hour(p, population, t)
    if gap >= p.visit_occasion_seconds:
        c.n_visits += 1
        if 0.0 < gap < math.inf:
            close_visit_gap(c, gap / DAY_SECONDS, p)
    c.last_visit = t
    c.visit_quiet = 0.0
    c.visit_evidence = counted(c.visit_drift, p.visit_weight, p)
    c.causes = int(c.causes) & ~VISIT_SILENCE
    if lives_by_visits(c):
        c.causes = int(c.causes) & ~PURCHASE_SILENCE
        return RETURNED
    return NOTHING


@kernel
def missed_ratio(c: Row) -> float:
    """Share of visits called off or missed (not put off), two kept visits taken for granted."""
    missed = float(c.n_cancelled) + float(c.n_no_show)
    return missed / (missed + float(c.n_visits) + 2.0)
