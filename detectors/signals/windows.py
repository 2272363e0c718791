"""Sixteen weekly buckets of purchases and of visits inside the row, by event time.

A ring: week w lives at index w mod 16; `week` is the newest week seen. Constant memory, and the
order of arrival does not matter as long as the week is still in the ring.
"""

import math

from detectors.compiled import Row, kernel
from detectors.customer import WEEK_SECONDS, WEEKS

RECENT_WEEKS = 4  # held against
EARLIER_WEEKS = 8  # before them
OLD_WEEKS = 8  # and back: who was about then is not new here
FULL = 255  # a count that fits a byte stops there


@kernel
def reach_week(c: Row, t: float) -> int:
    """Bring the ring forward to the week of t; its index, or -1 when t has left the ring."""
    week = math.floor(t / WEEK_SECONDS)
    newest = int(c.week)
    if week > newest:
        for newer in range(max(newest + 1, week - WEEKS + 1), week + 1):
            c.week_purchases[newer % WEEKS] = 0
            c.week_visits[newer % WEEKS] = 0
        c.week = week
    elif week <= newest - WEEKS:
        return -1
    return week % WEEKS


@kernel
def count_purchase(c: Row, t: float) -> None:
    """One more purchase in the week of t."""
    index = reach_week(c, t)
    if index >= 0 and int(c.week_purchases[index]) < FULL:
        c.week_purchases[index] += 1


@kernel
def count_visit(c: Row, t: float) -> None:
    """One more visit in the week of t."""
    index = reach_week(c, t)
    if index >= 0 and int(c.week_visits[index]) < FULL:
        c.week_visits[index] += 1


@kernel
def counted_visits(c: Row, t: float) -> int:
    """Visits in the week of t and the RECENT_WEEKS - 1 before it."""
    week = math.floor(t / WEEK_SECONDS)
    count = 0
    for then in range(week - RECENT_WEEKS + 1, week + 1):
        if int(c.week) - WEEKS < then <= int(c.week):
            count += int(c.week_visits[then % WEEKS])
    return count


@kernel
def trends(c: Row, t: float) -> tuple[float, float]:
    """(purchases, visits): ln of the weekly rate in the last 4 weeks to that in the 8 before.

    Half an event is added to both rates, so an empty ring gives 0.
    """
    week = math.floor(t / WEEK_SECONDS)
    recent_purchases = 0
    recent_visits = 0
    earlier_purchases = 0
    earlier_visits = 0
    for back in range(RECENT_WEEKS + EARLIER_WEEKS):
        then = week - back
        if int(c.week) - WEEKS < then <= int(c.week):
            if back < RECENT_WEEKS:
                recent_purchases += int(c.week_purchases[then % WEEKS])
                recent_visits += int(c.week_visits[then % WEEKS])
            else:
                earlier_purchases += int(c.week_purchases[then % WEEKS])
                earlier_visits += int(c.week_visits[then % WEEKS])
    share = RECENT_WEEKS / EARLIER_WEEKS
    return (
        math.log((recent_purchases + 0.5) / (share * earlier_purchases + 0.5)),
        math.log((recent_visits + 0.5) / (share * earlier_visits + 0.5)),
    )


@kernel
def old_purchases(c: Row, t: float) -> int:
    """Purchases from 8 to 16 weeks before t."""
    week = math.floor(t / WEEK_SECONDS)
    count = 0
    for back in range(OLD_WEEKS, WEEKS):
        then = week - back
        if int(c.week) - WEEKS < then <= int(c.week):
            count += int(c.week_purchases[then % WEEKS])
    return count
