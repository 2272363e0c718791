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

falls from the usual gap on, so its root is bracketed and Halley's method finds it in two or three
steps; pauses and top-ups can only put the root of the whole density off, never bring it forward.
Mostly they add little there: then two steps of Newton's method in the log density, from the own
rhythm's root, lead to that of the whole. Else the first stride that ends below the bar is searched.

Source: Shiryaev 1963 (delay against false alarms), for one change and a known gap law.
"""

import math

from detectors.cadence.law import (
    Law,
    densities,
    density,
    log_survival_of,
    others,
    own_norm,
    slope_of,
    survival_of,
)
from detectors.cadence.survival import survival_point
from detectors.compiled import Row, kernel

STRIDE = 0.08  # in ln days, where pauses put the root off: shorter than any hump is wide
FINE = 5e-7  # error in ln days within a stride, under a second in ten days
STEADY = 1e-5  # a first step squared from which on the second one's error can be told from both
CLOSE = 1e-5  # last step; cubic convergence leaves an error far below a millisecond
NEAR = 1e-2  # last step where what is found is where to begin
MOST_STEPS = 60
LAST_LOG_DAY = 700.0  # e^700 days is beyond counting


@kernel
def alert_bar(left: float, law: Law, cost_days: float, p: Row) -> float:
    """The density from which on silence is worth an alert.

    `left` are the log-odds of having left for good right after the last purchase (visit), evidence
    of other streams included.
    """
    lost = math.exp(left) + p.least_leaving + survival_of(p.horizon_days, law)
    return float(lost * (1.0 + p.gap_delay_days * math.exp(-law[1])) / cost_days)


@kernel
def own_root(nu: float, location: float, scale: float, level: float, close: float) -> float:
    """ln of the first day from the usual gap on on which the own rhythm's density is at the bar.

    The zero of level - (nu + 1) / 2 ln(1 + z^2 / nu) - y in y = ln days; at least the location.
    Halley's method in z, from where the zero would be if ln(1 + z^2 / nu) were z^2 / nu, until a
    step is at most `close`.
    """
    above = level - location  # at z = 0, from where it falls
    if above <= 0.0:
        return location
    power = nu + 1.0
    low, high = 0.0, above / scale
    z = 2.0 * above / (scale + math.sqrt(scale * scale + 2.0 * power / nu * above))
    for _ in range(MOST_STEPS):
        over = above - 0.5 * power * math.log(1.0 + z * z / nu) - scale * z
        if over > 0.0:
            low = z
        else:
            high = z
        share = 1.0 / (nu + z * z)
        slope = -power * z * share - scale
        bend = -power * (nu - z * z) * share * share
        step = 2.0 * over * slope / (2.0 * slope * slope - over * bend)
        moved = z - step
        if not low <= moved <= high:
            moved = 0.5 * (low + high)
        z = moved
        if abs(step) <= close:
            break
    return location + scale * z


@kernel
def rule_d(law: Law, bar: float, longest_days: float) -> float:
    """Days of silence after which to alert: first s from the usual gap on with f(s) <= bar.

    The usual gap is the median of the own rhythm; at most `longest_days`.
    """
    nu, location, scale, pauses, _, _, short, _, _ = law
    norm = own_norm(law)
    if bar <= 0.0:
        return longest_days
    level = min(math.log(norm / bar), LAST_LOG_DAY) if norm > 0.0 else -math.inf
    if pauses + short == 0.0:
        y = own_root(nu, location, scale, level, CLOSE)
    else:
        y = own_root(nu, location, scale, level, NEAR)
        y = _whole_root(y, law, norm, bar, math.log(longest_days))
    return min(math.exp(min(y, LAST_LOG_DAY)), longest_days)


@kernel
def _whole_root(y: float, law: Law, norm: float, bar: float, top: float) -> float:
    """ln of the first day on which the whole density is at the bar, y being that of the own rhythm.

    Anything beyond `top` will do for what lies there.
    """
    if y > law[1]:
        own, paused, topped_up = bar, *others(y, law)
    else:
        own, paused, topped_up = densities(y, law, norm)
        if own + paused + topped_up <= bar:
            return y
    first = _newton(y, law, (own, paused, topped_up), bar)
    if abs(first) <= STRIDE:
        low = max(y + first, law[1])
        parts = densities(low, law, norm)
        second = _newton(low, law, parts, bar)
        # the error of the second step: what is left of each is its square
        if abs(second) ** 3 <= FINE * max(first * first, STEADY):
            return max(low + second, law[1])
    while density(y + STRIDE, law, norm) > bar and y < top:
        y += STRIDE
    return _crossing(y, y + STRIDE, law, norm, bar)


@kernel
def _newton(y: float, law: Law, parts: tuple[float, float, float], bar: float) -> float:
    """How far from y on the log density would be at the bar if it went on falling as it does there.

    inf where it does not fall. Its distance to the bar by ln(1 + e) = e (6 + e) / (6 + 4 e) for
    small e; what is not small is not near the bar.
    """
    total = parts[0] + parts[1] + parts[2]
    slope = slope_of(y, law, parts)
    if slope >= 0.0:
        return math.inf
    excess = total / bar - 1.0
    return -excess * (6.0 + excess) / (6.0 + 4.0 * excess) * total / slope


@kernel
def _crossing(low: float, high: float, law: Law, norm: float, bar: float) -> float:
    """Where the density, above the bar at `low` and not at `high`, falls to it.

    Newton's method, and halves where it would leave what is left.
    """
    y = 0.5 * (low + high)
    for _ in range(MOST_STEPS):
        parts = densities(y, law, norm)
        if parts[0] + parts[1] + parts[2] > bar:
            low = y
        else:
            high = y
        before = y
        y += _newton(y, law, parts, bar)
        if not low <= y <= high:
            y = 0.5 * (low + high)
        if abs(y - before) <= FINE:
            break
    return y


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
