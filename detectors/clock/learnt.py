"""The weekly rhythm learnt from what is bought when.

Purchases (visits of those who live by visits) are counted by local hour of the week, those within
an hour of the last one with it. What counts does not depend on the clock: if it did, slow hours
would be counted less and become slower. At the end of each week its counts join those of the weeks
before it, which decay; a week with closed time in it is left out, for its hours are not the usual
ones. With N counted in all and m assumed, spread as the given weights b say, an hour of n counts
weighs

    w = 168 (n + m b / 168) / (N + m)

1 on the average, and never 0 where b is not: an hour in which a small sample shows nobody is not
free of silence. This is the posterior mean of a Dirichlet prior (Gelman et al. 2013, "Bayesian Data
Analysis", section 3.4).
"""

import math
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from detectors.clock.reading import hour_of_week
from detectors.clock.value import HOURS, MONDAY_SECONDS, Clock
from detectors.compiled import Row, kernel
from detectors.customer import WEEK_SECONDS

# Half of what is known is forgotten in a quarter of a year: opening hours change seldom, seasons
# do. All that counts is then at most the last 19 weeks.
WEEKLY_DECAY = 0.5 ** (1.0 / 13.0)
# Two an hour: the weight of an hour in which a hundred would have been expected, and none came, is
# a fiftieth. With less than a thousand purchases a week's rhythm is smoothed towards the given one.
ASSUMED = 2.0 * HOURS


@kernel
def count_hour(p: Row, population: Row, t: float) -> None:
    """Count what was bought at t, if the clock learns."""
    if p.clock_learns == 1.0:
        population.clock_recent[hour_of_week(p, t)] += 1


def learnt_weights(given: tuple[float, ...], counts: NDArray[np.float64]) -> tuple[float, ...]:
    """168 weights from the given ones and the counts by hour of week."""
    assumed = ASSUMED / HOURS * np.array(given)
    found: list[float] = (HOURS * (counts + assumed) / (counts.sum() + ASSUMED)).tolist()
    return tuple(found)


def week_of(t: float, offset_seconds: float) -> int:
    """The number of the local week that t lies in; week 0 holds the epoch."""
    return math.floor((t + offset_seconds + MONDAY_SECONDS) / WEEK_SECONDS)


def week_ends(week: int, offset_seconds: float) -> float:
    """When the week ends: the next Monday 0:00."""
    return (week + 1) * WEEK_SECONDS - offset_seconds - MONDAY_SECONDS


def is_usual(clock: Clock, end: float) -> bool:
    """Whether nothing was closed, beside the usual hours, in the week that ends then."""
    first = bisect_right(clock.closed, end - WEEK_SECONDS, key=lambda interval: interval[1])
    return first == len(clock.closed) or clock.closed[first][0] >= end
