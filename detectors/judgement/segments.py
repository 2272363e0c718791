"""Segments: recency, frequency and money, on the shop's own cycle.

    sleeper   given up, or silent for `sleeper_cycles` usual gaps: the shop's or the customer's own,
              whichever is longer
    newcomer  fewer than `regular_from` repeat purchases (visits, for who lives by them)
    vip       of the most valuable tenth
    unstable  the next gap is hardly foreseeable: its scale is `unstable_from` or more
    loyal     from `loyal_from` repeats
    regular   everybody else

The first that fits. A customer is placed whenever their row is touched: at an event, a deadline, a
step of severity, a tick of the learning grid. Recency is used in the sense of RFM: time since the
last purchase.
"""

import math

from detectors.cadence.posterior import purchase_rhythm, visit_gap
from detectors.clock.outages import silent_days
from detectors.compiled import Row, kernel
from detectors.customer import Segment, lives_by_visits
from detectors.judgement.ranks import stop_counting, tenth_by_value
from detectors.observations import PURCHASES, VISITS
from detectors.state import SEGMENTS

SLEEPER = int(Segment.SLEEPER)
NEWCOMER = int(Segment.NEWCOMER)
UNSTABLE = int(Segment.UNSTABLE)
REGULAR = int(Segment.REGULAR)
LOYAL = int(Segment.LOYAL)
VIP = int(Segment.VIP)


@kernel
def segment_at(c: Row, now: float, p: Row, population: Row) -> int:
    """The segment of a customer who is not given up."""
    if lives_by_visits(c):
        occasions = int(c.n_visits)
        cycle, rhythm = math.exp(p.visit_gap_location), visit_gap(c, p)[:3]
        silent = silent_days(p, VISITS, c.last_visit, now)
    else:
        occasions = int(c.n_purchases)
        cycle, rhythm = population.cycle_days, purchase_rhythm(c, p)
        silent = silent_days(p, PURCHASES, c.last_purchase, now)
    if occasions == 0:
        return NEWCOMER
    usual = max(cycle, math.exp(rhythm[1]))
    if silent > p.sleeper_cycles * usual:
        return SLEEPER
    if occasions - 1 < p.regular_from:
        return NEWCOMER
    if int(c.value_tenth) >= p.vip_from:
        return VIP
    if rhythm[2] >= p.unstable_from:
        return UNSTABLE
    return LOYAL if occasions - 1 >= p.loyal_from else REGULAR


@kernel
def place(c: Row, now: float, p: Row, population: Row) -> None:
    """Rank and segment a customer who is not given up, as of now."""
    c.value_tenth = tenth_by_value(c, p, population)
    _move(c, segment_at(c, now, p, population), population)


@kernel
def give_up(c: Row, population: Row) -> None:
    """The customer is given up: a sleeper, and no longer one of those who are ranked."""
    stop_counting(c, population)
    _move(c, SLEEPER, population)


@kernel
def _move(c: Row, after: int, population: Row) -> None:
    before = int(c.segment)
    if after != before:
        population.transitions[before * SEGMENTS + after] += 1
        c.segment = after
        c.best_segment = max(int(c.best_segment), after)
