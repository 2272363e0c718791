"""When silence is worth an alert (rule D), and when it reaches a given log-odds.

A customer of whom nothing came for s days has left with odds a / ((b + x) S(s)). Waiting a day
longer costs a day of delay if they have, and spares a false alert, worth Lambda days, with the
density f(s) of their next gap. Both balance at the first s past the mode with

    f(s) <= a e^evidence / ((b + x) Lambda)

which minimises E[delay] + Lambda P(false alert). In y = ln s the log density of the gap,

    g(y) = ln t_nu(z) - ln scale - y,   z = (y - location) / scale,

falls on from its mode, so the root is bracketed and Halley's method finds it in three or four
steps.

Source: Shiryaev 1963 (delay against false alarms), for one change and a known gap law.
"""

import math

from detectors.cadence.survival import log_norm, survival_point
from detectors.compiled import kernel

CLOSE = 1e-5  # last step in ln days; cubic convergence leaves an error far below a millisecond
MOST_STEPS = 60


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
def rule_d(nu: float, location: float, scale: float, log_bar: float, longest_days: float) -> float:
    """Days of silence after which to alert: first s past the mode with ln f(s) <= log_bar.

    At least the mode and at most `longest_days`.
    """
    top = math.log(longest_days)
    low = location + scale * mode_point(nu, scale)
    if low >= top:
        return longest_days
    half = 0.5 * (nu + 1.0)
    level = log_norm(nu) - math.log(scale) - log_bar  # g(y) - log_bar = level - half ln(..) - y
    z = (low - location) / scale
    if level - half * math.log1p(z * z / nu) <= low:
        return math.exp(low)
    high = math.inf
    y = max(location + 2.0 * scale, low)
    for _ in range(MOST_STEPS):
        z = (y - location) / scale
        spread = nu + z * z
        above = level - half * math.log1p(z * z / nu) - y
        if above > 0.0:
            low = y
            if low >= top:
                return longest_days
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
    return math.exp(min(y, top))


@kernel
def silence_reaching(nu: float, location: float, scale: float, log_s: float) -> float:
    """Days of silence at which ln S falls to log_s; inf when that is beyond counting."""
    y = location + scale * survival_point(log_s, nu)
    return math.exp(y) if y < 700.0 else math.inf
