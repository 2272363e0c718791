"""Student t, compiled: density, survival that keeps its digits in both tails, quantile.

    S(z) = I_x(nu / 2, 1 / 2) / 2  for z >= 0,   x = nu / (nu + z^2)

with the regularised incomplete beta function by its continued fraction. What may underflow is
kept as a logarithm. Relative error of ln S below 1e-9 for nu from 0.1 to 1e4 and |z| to 1e8 (tests
compare with scipy.stats); degrees of freedom need not be whole.

(1 + z^2 / nu)^-a is taken as exp(-a ln(1 + z^2 / nu)), with the rounding of 1 + z^2 / nu in it: up
to a 1.1e-16 of the power, and twice as fast as `log1p`.

Sources: Abramowitz & Stegun 26.5.27 and 26.5.8.
"""

import math

import numpy as np

from detectors.compiled import kernel

LOG_HALF = -0.6931471805599453
CONVERGED = 1e-10
SERIES_FROM = 8.0
FURTHEST = 300.0  # ln of the greatest point: beyond any gap, and its square does not overflow
SETTLED = 1e-12  # last step of ln(1 + z): what rounding may move ln S by
MOST_TERMS = 10_000  # the fraction needs about sqrt(max(a, b)) terms


@kernel
def log_density(z: float, nu: float) -> float:
    """ln t_nu(z)."""
    return math.log(peak(nu)) - 0.5 * (nu + 1.0) * math.log(1.0 + z * z / nu)


@kernel
def peak(nu: float) -> float:
    """t_nu(0) = gamma(a + 1/2) / gamma(a) / sqrt(nu pi), a = nu / 2; relative error below 1e-12.

    The ratio by its series in w = a - 1/4, in which every other term vanishes (Tricomi & Erdelyi
    1951): no logarithm, and no difference of lgamma, which loses digits for great a.
    """
    a = 0.5 * nu
    over, under = 1.0, 1.0  # the ratio at a to that where the series begins
    while a < SERIES_FROM:
        over *= a
        under *= a + 0.5
        a += 1.0
    w = a - 0.25
    u = 1.0 / (w * w)
    bend = u * (631 / 524288 + u * (-174317 / 134217728 + u * (20491783 / 8589934592)))
    series = 1.0 + u * (1 / 64 + u * (-19 / 8192 + bend))
    return over * math.sqrt(w / (nu * math.pi)) * series / under


@kernel
def beta_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function, for x < (a + 1) / (a + b + 2).

    By its recurrence, with denominators a, a + 1, a + 2, ... instead of 1 (an equivalence
    transformation), so that one division does for two terms.
    """
    before, now = a, a * (a + 1.0 - (a + b) * x)  # numerators of two neighbouring convergents
    under_before, under = 1.0, a + 1.0  # and their denominators, the latter brought to 1
    last = 0.0
    for m in range(1, MOST_TERMS):
        scale = 1.0 / under
        before *= scale
        under_before *= scale
        now *= scale
        if abs(now - last) <= CONVERGED * now:
            break
        last = now
        even = m * (b - m) * x
        next_one = (a + 2.0 * m) * now + even * before
        next_under = (a + 2.0 * m) + even * under_before
        odd = -(a + m) * (a + b + m) * x
        before, under_before = next_one, next_under
        now = (a + 2.0 * m + 1.0) * before + odd * now
        under = (a + 2.0 * m + 1.0) * under_before + odd
    return a / now


@kernel
def upper(z: float, nu: float) -> tuple[float, float]:
    """(l, r) with S(z) = e^l r for z >= 0; neither underflows for z < inf."""
    if z == 0.0:
        return 0.0, 0.5
    a = 0.5 * nu
    ratio = z * z / nu
    log_power = -(a + 0.5) * math.log(1.0 + ratio)
    x = 1.0 / (1.0 + ratio)
    front = z * peak(nu)  # with the power x^a sqrt(1 - x) / B(a, 1/2)
    if x < (a + 1.0) / (a + 2.5):
        return log_power, front * beta_fraction(a, 0.5, x) / nu
    return 0.0, 0.5 - front * math.exp(log_power) * beta_fraction(0.5, a, ratio * x)


@kernel
def log_upper(z: float, nu: float) -> float:
    """ln S(z) for z >= 0."""
    log_power, rest = upper(z, nu)
    return log_power + math.log(rest)


@kernel
def survival(z: float, nu: float) -> float:
    """P(T > z) of a Student t with nu > 0 degrees of freedom."""
    if math.isinf(z):
        return 0.0 if z > 0.0 else 1.0
    log_power, rest = upper(abs(z), nu)
    beyond = math.exp(log_power) * rest
    return beyond if z >= 0.0 else 1.0 - beyond


@kernel
def log_survival(z: float, nu: float) -> float:
    """ln P(T > z); -inf only at z = inf."""
    if z == np.inf:
        return -np.inf
    return log_upper(z, nu) if z >= 0.0 else math.log1p(-survival(-z, nu))


@kernel
def survival_point(log_s: float, nu: float) -> float:
    """The z with ln S(z) = log_s; -inf for log_s >= 0, inf for -inf, else at most e^FURTHEST.

    Newton in u = ln(1 + z), in which the tail of ln S is a straight line, kept in a bracket.
    """
    if log_s >= 0.0:
        return -np.inf
    if log_s == -np.inf:
        return np.inf
    if log_s > LOG_HALF:
        return -survival_point_upper(math.log(-math.expm1(log_s)), nu)
    return survival_point_upper(log_s, nu)


@kernel
def survival_point_upper(log_s: float, nu: float) -> float:
    """The same for log_s <= ln 1/2, where z >= 0."""
    low = 0.0
    high = 1.0
    while log_upper(math.expm1(high), nu) > log_s:
        if high == FURTHEST:
            return math.expm1(FURTHEST)
        low = high
        high = min(2.0 * high, FURTHEST)
    u = 0.5 * (low + high)
    for _ in range(80):
        z = math.expm1(u)
        reached = log_upper(z, nu)
        if reached > log_s:
            low = u
        else:
            high = u
        slope = -math.exp(log_density(z, nu) - reached) * (z + 1.0)
        step = (reached - log_s) / slope
        moved = u - step
        if not low <= moved <= high:
            moved = 0.5 * (low + high)
        if abs(moved - u) <= SETTLED * max(1.0, u):
            u = moved
            break
        u = moved
    return math.expm1(u)
