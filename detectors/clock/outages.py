"""Reading the operational clock for one input: the time in which it was out is no silence.

An outage is an interval in which nothing of an input could be seen, because its source or the
platform was down or because maintenance was planned. The clock itself goes on, for the other
inputs have seen their customers; for this input's silence the outage does not count:

    silent_seconds(since, until) = elapsed_seconds(since, until) - those that lie within outages
    silence_ends(since, days)    = the time at which so many days are silent
    gap_seconds(since, until)    = elapsed_seconds less the outages that lie wholly in between

A gap of which an outage holds one of the ends was seen, late, so it is taken as it is. Where an
input had no outage, which is the rule, all of them are those of `clock.reading` to the last bit.
"""

import math

from detectors.clock.reading import elapsed_days, elapsed_seconds, time_after
from detectors.clock.value import MOST_OUTAGES
from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS


@kernel
def silent_seconds(p: Row, source: int, since: float, until: float) -> float:
    """Seconds on the clock from `since` to `until` in which the input was there to be seen."""
    seconds = elapsed_seconds(p, since, until)
    first = source * MOST_OUTAGES
    for i in range(first, first + int(p.outage_count[source])):
        begin = max(p.outage_begins[i], since)
        end = min(p.outage_ends[i], until)
        if begin < end:
            seconds -= elapsed_seconds(p, begin, end)
    return seconds


@kernel
def silent_days(p: Row, source: int, since: float, until: float) -> float:
    """The same in days, never negative."""
    return float(max(silent_seconds(p, source, since, until), 0.0) / DAY_SECONDS)


@kernel
def gap_seconds(p: Row, source: int, since: float, until: float) -> float:
    """Seconds on the clock between two events of the input."""
    seconds = elapsed_seconds(p, since, until)
    first = source * MOST_OUTAGES
    for i in range(first, first + int(p.outage_count[source])):
        begin, end = p.outage_begins[i], p.outage_ends[i]
        if since <= begin and end <= until:
            seconds -= elapsed_seconds(p, begin, end)
    return seconds


@kernel
def silence_ends(p: Row, source: int, since: float, days: float) -> float:
    """The time at which the input has been silent for so many days since `since`."""
    t = time_after(p, since, days)
    if not math.isfinite(t):
        return t
    first = source * MOST_OUTAGES
    for i in range(first, first + int(p.outage_count[source])):
        begin, end = max(p.outage_begins[i], since), p.outage_ends[i]
        if begin < end and begin < t:
            t = time_after(p, end, elapsed_days(p, begin, t))
    return t


@kernel
def back_at(p: Row, source: int, t: float) -> float:
    """The end of the outage that t lies in; t if it lies in none."""
    first = source * MOST_OUTAGES
    for i in range(first, first + int(p.outage_count[source])):
        if p.outage_begins[i] <= t < p.outage_ends[i]:
            return float(p.outage_ends[i])
    return t
