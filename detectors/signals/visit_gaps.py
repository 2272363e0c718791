"""Visits that become rarer, or end: a change detector over the gaps between them.

As usual, ln g follows the customer's own predictive law f (`cadence.posterior`), but for absences
(vacations, illness), which hold every so many gaps:

    f0(g) = (1 - e) f(g) + e q(g),   e = 1 - exp(-absences a day * usual gap),  ln q normal

Changed, gaps are c = 4 times as long. A closed gap adds ln f(g/c)/c - ln f0(g). While the visits
are silent for s days, "four times as long or never again", at even odds, stands against "as usual"

    ln [1/2 S(s/c) + 1/2] - ln [(1 - e) S(s) + e (Q(q) S(s - q) + (1 - Q(q)) S(s - min(q, l)))]

where q is the longest stretch since the last visit in which nothing was bought, and l a long
absence (one standard deviation above the usual one). An absence explains one such stretch and no
more than its own length of it, so purchases that go on without visits say that nobody is away.

Source: Page 1954 for the sum; the mixture with absences is the purchases' of Reutterer, Platzer &
Schroeder 2020 in spirit, with a law of its own for their length.
"""

import math

from detectors.cadence.law import survival_of
from detectors.cadence.posterior import visit_gap
from detectors.cadence.survival import peak
from detectors.clock.outages import silence_ends, silent_days, silent_seconds
from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS
from detectors.observations import VISITS
from detectors.signals.change import MOST, cusum, log_price, threshold

SLOWER = math.log(4.0)
ROOT_HALF = math.sqrt(0.5)
NORMAL = 1.0 / math.sqrt(2.0 * math.pi)
YEAR_DAYS = 365.25
TOO_SHORT = -4.0  # standard deviations of ln q below its mean: no absence is that short
NOT_YET = 2.5  # standard deviations of ln g: before that a silence says next to nothing
FURTHER = 1.5  # each look at a silence comes half as late again as the one before
HALVINGS = 8  # of half of the silence: to 0.2 % of it


@kernel
def absence_chance(location: float, p: Row) -> float:
    """e: the chance that a usual gap, e^location days, holds an absence; below 1."""
    days = math.exp(min(location, 10.0))
    return min(-math.expm1(-p.absences_a_year / YEAR_DAYS * days), 0.5)


@kernel
def absence_longer(days: float, p: Row) -> float:
    """Q: the chance that an absence lasts longer than so many days."""
    if days <= 0.0:
        return 1.0
    return 0.5 * math.erfc(ROOT_HALF * (math.log(days) - p.absence_location) / p.absence_scale)


@kernel
def close_visit_gap(c: Row, days: float, p: Row) -> None:
    """Take a closed gap (days > 0) into the sum, then, as far as it was no absence, into f."""
    nu, location, scale = visit_gap(c, p)[:3]
    y = math.log(days)
    half = 0.5 * (nu + 1.0)
    z = (y - location) / scale
    slower = (y - SLOWER - location) / scale
    away = (y - p.absence_location) / p.absence_scale
    if z < 0.0 and away < TOO_SHORT:  # an ordinary gap, as more than half of them are
        if c.visit_drift > 0.0:
            ratio = half * math.log((nu + z * z) / (nu + slower * slower))
            c.visit_drift = cusum(c.visit_drift, ratio)
        c.visit_gap_count += 1.0
        c.visit_gap_log_sum += y
        c.visit_gap_log_squares += y * y
        return
    chance = absence_chance(location, p)
    # all densities are those of ln g, times `scale`
    norm = peak(nu)
    usual = (1.0 - chance) * norm * math.exp(-half * math.log(1.0 + z * z / nu))
    absent = chance * scale / p.absence_scale * NORMAL * math.exp(-0.5 * away * away)
    changed = norm * math.exp(-half * math.log(1.0 + slower * slower / nu))
    both = usual + absent
    if both > 0.0:
        if changed > 0.0:
            c.visit_drift = cusum(c.visit_drift, math.log(changed / both))
        weight = usual / both
        c.visit_gap_count += weight
        c.visit_gap_log_sum += weight * y
        c.visit_gap_log_squares += weight * y * y


@kernel
def visit_change(c: Row, now: float, p: Row) -> float:
    """W as it would be now: the closed gaps, and the silence since the last visit."""
    days = silent_seconds(p, VISITS, c.last_visit, now) / DAY_SECONDS
    if days <= 0.0:
        return float(c.visit_drift)
    quiet = silent_seconds(p, VISITS, max(c.last_visit, c.last_purchase), now) / DAY_SECONDS
    if not quiet <= days:  # never bought
        quiet = days
    quiet = min(max(quiet, float(c.visit_quiet)), days)
    gap = visit_gap(c, p)
    chance = absence_chance(gap[1], p)
    absent = absence_longer(quiet, p)
    usual = (1.0 - chance) * survival_of(days, gap)
    explained = min(quiet, math.exp(p.absence_location + p.absence_scale))
    usual += chance * absent * survival_of(days - quiet, gap)
    usual += chance * (1.0 - absent) * survival_of(days - explained, gap)
    changed = 0.5 * survival_of(0.25 * days, gap) + 0.5
    if usual <= 0.0:
        return MOST
    return cusum(c.visit_drift, max(math.log(changed / usual), 0.0))


@kernel
def first_look(c: Row, p: Row) -> float:
    """From when on the visits' silence is looked at."""
    _, location, scale = visit_gap(c, p)[:3]
    return silence_ends(p, VISITS, c.last_visit, math.exp(location + NOT_YET * scale))


@kernel
def worth_a_look(c: Row, now: float, p: Row) -> bool:
    """Whether the visits have been silent for long enough to say something."""
    return int(c.n_visits) >= 2 and now >= first_look(c, p)


@kernel
def next_look(c: Row, now: float, p: Row) -> float:
    """When to look at the visits' silence next: when it opens an episode, if that is first."""
    if int(c.n_visits) < 2:
        return math.inf
    first = first_look(c, p)
    if now < first:
        return first
    usual = silent_days(p, VISITS, c.last_visit, first)
    silent = silent_days(p, VISITS, c.last_visit, now)
    if silent > p.longest_silence_days:
        return math.inf
    # looks come at fixed silences, so that when one is asked for does not move the alert
    days = usual * FURTHER ** math.floor(math.log(silent / usual) / math.log(FURTHER))
    high = silence_ends(p, VISITS, c.last_visit, FURTHER * days)
    if high <= now:
        days *= FURTHER
        high = silence_ends(p, VISITS, c.last_visit, FURTHER * days)
    bar = threshold(p.visit_bar, log_price(p))
    if visit_change(c, high, p) < bar:
        return high
    found = crossing(c, silence_ends(p, VISITS, c.last_visit, days), high, bar, p)
    return found if found > now else crossing(c, now, high, bar, p)


@kernel
def crossing(c: Row, low: float, high: float, bar: float, p: Row) -> float:
    """When the change reaches the bar: above it at `high`, not yet at `low`."""
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if visit_change(c, middle, p) < bar:
            low = middle
        else:
            high = middle
    return high
