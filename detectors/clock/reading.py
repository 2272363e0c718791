"""Reading the operational clock: how much silence lies between two times, and when it is enough.

Kernels over a record with the CLOCK fields: a clock's own, or a profile's. A flat clock takes the
plain arithmetic of seconds, bit for bit. Otherwise, with reading(t) as in `clock.value`:

    elapsed_days(since, until) = reading(until) - reading(since), in days, at least 0
    time_after(since, days)    = the time at which that is `days`

where the clock stands still, from closing on, many times have the same reading; `time_after` gives
the last of them, the reopening, so that no deadline falls into closed time. Both agree to within
1e-9 days: a float64 of seconds since the epoch is exact to 0.3 µs.
"""

import math

from detectors.clock.value import HOUR_SECONDS, HOURS
from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS, WEEK_SECONDS

SNAP_SECONDS = 1e-5  # a deadline so short of closing falls on the reopening; below 1e-9 days


@kernel
def stretch_at(p: Row, t: float) -> int:
    """The index of the stretch that t lies in."""
    low = 0
    high = int(p.clock_stretches)
    while high - low > 1:
        middle = (low + high) // 2
        if p.clock_begins[middle] <= t:
            low = middle
        else:
            high = middle
    return low


@kernel
def counted(p: Row, local: float) -> float:
    """Seconds that the weekly rhythm has counted up to a local time."""
    weeks = math.floor(local / WEEK_SECONDS) * WEEK_SECONDS
    rest = max(local - weeks, 0.0)
    hour = min(int(rest / HOUR_SECONDS), HOURS - 1)
    within = p.clock_passed[hour] + p.clock_weights[hour] * (rest - HOUR_SECONDS * hour)
    return float(weeks + min(within, WEEK_SECONDS))


@kernel
def reading(p: Row, t: float) -> float:
    """What the clock shows at a finite t, in seconds; never falls."""
    i = stretch_at(p, t)
    if p.clock_open[i] == 0.0:
        return float(p.clock_readings[i])
    shown = p.clock_bases[i] + counted(p, t + p.clock_offsets[i])
    return float(min(max(shown, p.clock_readings[i]), p.clock_readings[i + 1]))


@kernel
def elapsed_seconds(p: Row, since: float, until: float) -> float:
    """Seconds on the clock from `since` to `until`; negative if that is earlier."""
    if p.clock_flat == 1.0 or not math.isfinite(until - since):
        return until - since
    return reading(p, until) - reading(p, since)


@kernel
def elapsed_days(p: Row, since: float, until: float) -> float:
    """Days on the clock from `since` to `until`, never negative."""
    return float(max(elapsed_seconds(p, since, until), 0.0) / DAY_SECONDS)


@kernel
def days_ahead(p: Row, t: float, days: float) -> float:
    """Days on the clock in the `days` plain days from t on."""
    if p.clock_flat == 1.0:
        return days
    return elapsed_days(p, t, t + DAY_SECONDS * days)


@kernel
def plain_days(since: float, until: float) -> float:
    """Days on the calendar from `since` to `until`, never negative."""
    return float(max(until - since, 0.0) / DAY_SECONDS)


@kernel
def stretch_of_reading(p: Row, shown: float) -> int:
    """The last stretch that begins with such a reading or less; it is open."""
    low = 0
    high = int(p.clock_stretches)
    while high - low > 1:
        middle = (low + high) // 2
        if p.clock_readings[middle] <= shown:
            low = middle
        else:
            high = middle
    return low


@kernel
def hour_of_reading(p: Row, rest: float) -> int:
    """The last hour of the week before which at most `rest` seconds are counted."""
    low = 0
    high = HOURS
    while high - low > 1:
        middle = (low + high) // 2
        if p.clock_passed[middle] <= rest:
            low = middle
        else:
            high = middle
    return low


@kernel
def time_after(p: Row, since: float, days: float) -> float:
    """The time at which `days` have passed on the clock since `since`; never in closed time."""
    if p.clock_flat == 1.0 or not math.isfinite(since + days):
        return float(since + DAY_SECONDS * days)
    shown = reading(p, since) + DAY_SECONDS * days + SNAP_SECONDS
    i = stretch_of_reading(p, shown)
    within = shown - p.clock_bases[i]
    weeks = math.floor(within / WEEK_SECONDS) * WEEK_SECONDS
    hour = hour_of_reading(p, within - weeks)
    over = max(within - weeks - SNAP_SECONDS - p.clock_passed[hour], 0.0)
    local = weeks + HOUR_SECONDS * hour + over / p.clock_weights[hour]
    t = max(local - p.clock_offsets[i], p.clock_begins[i], since)
    while t >= p.clock_begins[i + 1]:
        i += 1
        if p.clock_open[i] == 0.0:
            t = p.clock_begins[i + 1]
    return float(t)


@kernel
def hour_of_week(p: Row, t: float) -> int:
    """The local hour of the week that t lies in, 0 from Monday 0:00 on."""
    local = t + p.clock_offsets[stretch_at(p, t)]
    rest = max(local - math.floor(local / WEEK_SECONDS) * WEEK_SECONDS, 0.0)
    return min(int(rest / HOUR_SECONDS), HOURS - 1)
