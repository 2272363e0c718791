"""When silence is worth an alert (rule D), and when it reaches a given log-odds.

A customer is lost who buys nothing within the horizon H: right after a purchase with odds of
o + S(H), where o are those of having left for good. Of who is lost, waiting a day longer costs a
day of delay; of who comes back it spares a false alert, worth Lambda days, with the density f(s) of
their next gap. Both balance at the first s past the mode with

    f(s) <= (o e^evidence + l + S(H)) (1 + d / e^location) / Lambda

which minimises E[delay] + Lambda P(false alert). A delay is counted in days, and, d days for each
of the customer's own usual gaps, in these: who comes daily is missed sooner than who comes monthly.
l are the odds of leaving that are reckoned with even where the past shows none.

In y = ln s the log density of the customer's own rhythm,

    g(y) = ln t_nu(z) - ln scale - y,   z = (y - location) / scale,

falls on from its mode, so its root is bracketed and Halley's method finds it in three or four
steps; pauses and top-ups can only put the root of the whole density off, never bring it forward.

Source: Shiryaev 1963 (delay against false alarms), for one change and a known gap law.
"""

import math

from detectors.cadence.law import Law, densities, log_survival_of
from detectors.cadence.survival import log_norm, survival_point
from detectors.compiled import Row, kernel

STRIDE = 0.08  # in ln days, where pauses put the root off: shorter than any hump is wide
HALVINGS = 16  # of a stride: to a millionth
CLOSE = 1e-5  # last step in ln days; cubic convergence leaves an error far below a millisecond
MOST_STEPS = 60
LAST_LOG_DAY = 700.0  # e^700 days is beyond counting


@kernel
def mode_point(nu: float, scale: float) -> float:
    """z at which the density of the gap itself, t_nu(z) / s, is greatest.

    The root of scale z^2 + (nu + 1) z + scale nu = 0 nearer to 0; of a density so wide that it
    only falls, the point where it falls least steeply.
    """
    discriminant = (nu + 1.0) ** 2 - 4.0 * scale * scale * nu
    if discriminant <= 0.0:
        return -(nu + 1.0) / (2.0 * scale)
    return -2.0 * scale * nu / (nu + 1.0 + math.sqrt(discriminant))


@kernel
def alert_bar(left: float, law: Law, cost_days: float, p: Row) -> float:
    """ln of the density from which on silence is worth an alert.

    `left` are the log-odds of having left for good right after the last purchase (visit), evidence
    of other streams included.
    """
    lost = math.exp(left) + p.least_leaving + math.exp(log_survival_of(p.horizon_days, law))
    return math.log(lost) + math.log1p(p.gap_delay_days * math.exp(-law[1])) - math.log(cost_days)


@kernel
def own_root(nu: float, location: float, scale: float, log_bar: float, top: float) -> float:
    """ln of the first day past the mode with ln f(s) <= log_bar, of the own rhythm's density.

    At least the mode and at most `top`.
    """
    low = location + scale * mode_point(nu, scale)
    if low >= top:
        return top
    half = 0.5 * (nu + 1.0)
    level = log_norm(nu) - math.log(scale) - log_bar  # g(y) - log_bar = level - half ln(..) - y
    z = (low - location) / scale
    if level - half * math.log1p(z * z / nu) <= low:
        return low
    high = math.inf
    y = max(location + 2.0 * scale, low)
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
    """Days of silence after which to alert: first s past the mode with ln f(s) <= log_bar.

    The mode is that of the own rhythm; at most `longest_days`.
    """
    top = math.log(longest_days)
    nu, location, scale, pauses, _, _, short, _, _ = law
    y = own_root(nu, location, scale, log_bar - math.log1p(-pauses) - math.log1p(-short), top)
    if pauses + short == 0.0:
        return math.exp(y)
    bar = math.exp(log_bar)
    if density(y, law) <= bar:
        return math.exp(y)
    while density(y + STRIDE, law) > bar:
        y += STRIDE
        if y >= top:
            return longest_days
    stride = STRIDE
    for _ in range(HALVINGS):
        stride *= 0.5
        if density(y + stride, law) > bar:
            y += stride
    return math.exp(min(y + stride, top))


@kernel
def density(y: float, law: Law) -> float:
    """f(e^y)."""
    own, paused, topped_up = densities(math.exp(y), law)
    return own + paused + topped_up


@kernel
def silence_reaching(law: Law, log_s: float) -> float:
    """Days of silence at which ln S falls to log_s; inf when that is beyond counting."""
    nu, location, scale, pauses, _, _, short, _, _ = law
    y = location + scale * survival_point(log_s, nu)
    if pauses + short == 0.0 or not math.isfinite(y):
        return math.exp(y) if y < LAST_LOG_DAY else math.inf
    # ln S falls throughout: bracket the root, then Newton in y, halving where it would leave
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
        slope = -density(y, law) * days * math.exp(-reached)
        moved = y - (reached - log_s) / slope if slope < 0.0 else math.nan
        if not low < moved < high:
            moved = 0.5 * (low + high)
            if not math.isfinite(moved):
                moved = y + step if high == math.inf else y - step
                step *= 2.0
        if abs(moved - y) < CLOSE:
            y = moved
            break
        y = moved
    return math.exp(y) if y < LAST_LOG_DAY else math.inf
