"""When silence is worth an alert (rule D), and when it reaches a given log-odds.

A customer is lost who buys nothing within the horizon H: right after a purchase with odds of
o + S(H), where o are those of having left for good. Of who is lost, waiting a day longer costs a
day of delay; of who comes back it spares a false alert, worth Lambda days, with the density f(s) of
their next gap. Both balance at the first s from the usual gap on with

    f(s) <= (o e^evidence + l + S(H)) (1 + d / e^location) / Lambda

which minimises E[delay] + Lambda P(false alert). A delay is counted in days, and, d days for each
of the customer's own usual gaps, in these: who comes daily is missed sooner than who comes monthly.
l are the odds of leaving that are reckoned with even where the past shows none.

In y = ln s the log density of the customer's own rhythm,

    g(y) = ln t_nu(z) - ln scale - y,   z = (y - location) / scale,

falls from the usual gap on, so its root is bracketed and Halley's method finds it in three or four
steps; pauses and top-ups can only put the root of the whole density off, never bring it forward.

Source: Shiryaev 1963 (delay against false alarms), for one change and a known gap law.
"""

import math

from detectors.cadence.law import Law, density, log_survival_of, own_norm
from detectors.cadence.survival import survival_point
from detectors.compiled import Row, kernel

STRIDE = 0.08  # in ln days, where pauses put the root off: shorter than any hump is wide
FINE = 1e-6  # last step within a stride
CLOSE = 1e-5  # last step in ln days; cubic convergence leaves an error far below a millisecond
MOST_STEPS = 60
LAST_LOG_DAY = 700.0  # e^700 days is beyond counting


@kernel
def alert_bar(left: float, law: Law, cost_days: float, p: Row) -> float:
    """ln of the density from which on silence is worth an alert.

    `left` are the log-odds of having left for good right after the last purchase (visit), evidence
    of other streams included.
    """
    lost = math.exp(left) + p.least_leaving + math.exp(log_survival_of(p.horizon_days, law))
    return math.log(lost) + math.log1p(p.gap_delay_days * math.exp(-law[1])) - math.log(cost_days)


@kernel
def own_root(nu: float, location: float, scale: float, level: float, top: float) -> float:
    """ln of the first day from the usual gap on on which the own rhythm's density is at the bar.

    The zero of level - (nu + 1) / 2 ln(1 + z^2 / nu) - y in y = ln days; at least the location and
    at most `top`, which lies above it.
    """
    half = 0.5 * (nu + 1.0)
    low = location
    if level <= low:
        return low
    high = math.inf
    y = location + 2.0 * scale
    for _ in range(MOST_STEPS):
        z = (y - location) / scale
        spread = nu + z * z
        above = level - half * math.log1p(z * z / nu) - y
        if above > 0.0:
            low = y
            if low >= top:
                return top
        else:
            high = y
        slope = -2.0 * half * z / (spread * scale) - 1.0
        bend = -2.0 * half * (nu - z * z) / (spread * spread * scale * scale)
        step = 2.0 * above * slope / (2.0 * slope * slope - above * bend)
        moved = y - step
        if not low <= moved <= high:
            moved = 0.5 * (low + min(high, top + 1.0))
        y = moved
        if abs(step) < CLOSE:
            break
    return min(y, top)


@kernel
def rule_d(law: Law, log_bar: float, longest_days: float) -> float:
    """Days of silence after which to alert: first s from the usual gap on with ln f(s) <= log_bar.

    The usual gap is the median of the own rhythm; at most `longest_days`.
    """
    top = math.log(longest_days)
    nu, location, scale, pauses, _, _, short, _, _ = law
    if location >= top:
        return longest_days
    norm = own_norm(law)
    y = own_root(nu, location, scale, norm - log_bar, top)
    if pauses + short == 0.0:
        return math.exp(y)
    bar = math.exp(log_bar)
    above = density(y, law, norm)
    if above <= bar:
        return math.exp(y)
    stride = _first_stride(y, above / bar - 1.0, law)
    below = density(y + stride, law, norm)
    while below > bar:
        y += stride
        if y >= top:
            return longest_days
        stride = STRIDE
        above, below = below, density(y + stride, law, norm)
    return math.exp(min(_crossing(y, y + stride, above, below, law, norm, bar), top))


@kernel
def _first_stride(y: float, excess: float, law: Law) -> float:
    """How far to look first: as the own rhythm has to fall by what the others add at y.

    `excess` is that, in bars. The others are small there, mostly, and change little on so short a
    way: then the root lies just before its end.
    """
    if not excess < 0.5:
        return STRIDE
    nu, location, scale = law[:3]
    z = (y - location) / scale
    slope = 1.0 + (nu + 1.0) * z / ((nu + z * z) * scale)
    return min(-1.1 * math.log1p(-excess) / slope + FINE, STRIDE)


@kernel
def _crossing(
    low: float, high: float, above: float, below: float, law: Law, norm: float, bar: float
) -> float:
    """Where between both the density falls to the bar (regula falsi, Illinois)."""
    over, under = above - bar, below - bar
    kept = 0
    for _ in range(MOST_STEPS):
        if high - low <= FINE or under == 0.0:
            break
        middle = low + (high - low) * over / (over - under)
        found = density(middle, law, norm) - bar
        if found > 0.0:
            moved = middle - low
            low, over = middle, found
            under *= 0.5 if kept == 1 else 1.0
            kept = 1
        else:
            moved = high - middle
            high, under = middle, found
            over *= 0.5 if kept == -1 else 1.0
            kept = -1
        if moved <= FINE:
            break
    return high


@kernel
def silence_reaching(law: Law, log_s: float) -> float:
    """Days of silence at which ln S falls to log_s; inf when that is beyond counting."""
    nu, location, scale, pauses, _, _, short, _, _ = law
    y = location + scale * survival_point(log_s, nu)
    if pauses + short == 0.0 or not math.isfinite(y):
        return math.exp(y) if y < LAST_LOG_DAY else math.inf
    # ln S falls throughout: bracket the root, then Newton in y, halving where it would leave
    norm = own_norm(law)
    low, high = -math.inf, math.inf
    step = 0.5
    y = max(-LAST_LOG_DAY, min(y, LAST_LOG_DAY))
    for _ in range(MOST_STEPS):
        days = math.exp(y)
        reached = log_survival_of(days, law)
        if reached > log_s:
            low = y
        else:
            high = y
        if low >= LAST_LOG_DAY:
            return math.inf
        slope = -density(y, law, norm) * days * math.exp(-reached)
        moved = y - (reached - log_s) / slope if slope < 0.0 else math.nan
        if not low <= moved <= high:  # nan too; y itself, where rounding has found the root
            moved = 0.5 * (low + high)
            if not math.isfinite(moved):
                moved = y + step if high == math.inf else y - step
                step *= 2.0
        if abs(moved - y) < CLOSE:
            y = moved
            break
        y = moved
    return math.exp(y) if y < LAST_LOG_DAY else math.inf
