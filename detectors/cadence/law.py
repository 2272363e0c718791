"""The law of a customer's next gap: their own rhythm, long absences, and short top-ups.

    S(g) = (1 - q) [(1 - eps) S_t(g) + eps S_pause(g)] + q S_short(g)        g in days

S_t is the log-t of the customer's own gaps (`posterior`); pauses (holidays, illness, a move) and
top-ups (forgot the milk) are log-normal, the same for everybody. What is a pause or a top-up says
little about the rhythm: `posterior.close_gap` counts a gap by its share of the first term.
"""

import math
from typing import TypeAlias

import numpy as np

from detectors.cadence.survival import log_survival, peak, survival
from detectors.compiled import kernel

Law: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]
"""(degrees of freedom, location, scale of ln gap; eps, location, scale; q, location, scale)"""

SQRT_2 = math.sqrt(2.0)
SQRT_2_PI = math.sqrt(2.0 * math.pi)
LEAST_SURVIVAL = 1e-200  # below, its parts are added as logarithms
FAR = 25.0  # standard deviations beyond which the normal tail is taken from its expansion


@kernel
def log_normal_survival(z: float) -> float:
    """ln P(Z > z) of a standard normal; error below 1e-5 beyond FAR, where nobody looks."""
    if z > FAR:
        return -0.5 * z * z - math.log(z * SQRT_2_PI)
    return math.log(0.5 * math.erfc(z / SQRT_2))


@kernel
def log_sum(a: float, b: float) -> float:
    """ln(e^a + e^b)."""
    high = max(a, b)
    if high == -np.inf:
        return -np.inf
    return high + math.log1p(math.exp(min(a, b) - high))


@kernel
def survival_of(days: float, law: Law) -> float:
    """S(days): the chance that the gap is longer; 1 for days <= 0."""
    if days <= 0.0:
        return 1.0
    nu, location, scale, pauses, pause_location, pause_scale, short, short_location, spread = law
    y = math.log(days)
    total = survival((y - location) / scale, nu)
    if pauses > 0.0:
        paused = 0.5 * math.erfc((y - pause_location) / (SQRT_2 * pause_scale))
        total = (1.0 - pauses) * total + pauses * paused
    if short > 0.0:
        topped_up = 0.5 * math.erfc((y - short_location) / (SQRT_2 * spread))
        total = (1.0 - short) * total + short * topped_up
    return total


@kernel
def log_survival_of(days: float, law: Law) -> float:
    """ln S(days), also where S underflows."""
    total = survival_of(days, law)
    if total > LEAST_SURVIVAL:
        return min(math.log(total), 0.0)
    nu, location, scale, pauses, pause_location, pause_scale, short, short_location, spread = law
    y = math.log(days)
    own = log_survival((y - location) / scale, nu)
    if pauses > 0.0:
        paused = log_normal_survival((y - pause_location) / pause_scale)
        own = log_sum(math.log1p(-pauses) + own, math.log(pauses) + paused)
    if short > 0.0:
        topped_up = log_normal_survival((y - short_location) / spread)
        own = log_sum(math.log1p(-short) + own, math.log(short) + topped_up)
    return own


@kernel
def own_norm(law: Law) -> float:
    """The factor of the own rhythm's density that does not depend on the gap."""
    nu, _, scale, pauses, _, _, short, _, _ = law
    return (1.0 - pauses) * (1.0 - short) * peak(nu) / scale


@kernel
def densities(y: float, law: Law, norm: float) -> tuple[float, float, float]:
    """Density of a gap of e^y days as (own rhythm, pause, top-up), norm its `own_norm`."""
    nu, location, scale = law[:3]
    z = (y - location) / scale
    own = norm * math.exp(-0.5 * (nu + 1.0) * math.log(1.0 + z * z / nu) - y)
    paused, topped_up = others(y, law)
    return own, paused, topped_up


@kernel
def others(y: float, law: Law) -> tuple[float, float]:
    """The same of a pause and of a top-up alone."""
    _, _, _, pauses, pause_location, pause_scale, short, short_location, spread = law
    paused = 0.0
    if pauses > 0.0:
        z = (y - pause_location) / pause_scale
        paused = (1.0 - short) * pauses * math.exp(-0.5 * z * z - y) / (SQRT_2_PI * pause_scale)
    topped_up = 0.0
    if short > 0.0:
        z = (y - short_location) / spread
        topped_up = short * math.exp(-0.5 * z * z - y) / (SQRT_2_PI * spread)
    return paused, topped_up


@kernel
def density(y: float, law: Law, norm: float) -> float:
    """f(e^y)."""
    own, paused, topped_up = densities(y, law, norm)
    return own + paused + topped_up


@kernel
def slope_of(y: float, law: Law, parts: tuple[float, float, float]) -> float:
    """How the density changes with y = ln days, where it has these `densities`."""
    nu, location, scale, _, pause_location, pause_scale, _, short_location, spread = law
    own, paused, topped_up = parts
    z = (y - location) / scale
    own_fall = (nu + 1.0) * z / ((nu + z * z) * scale)
    paused_fall = (y - pause_location) / (pause_scale * pause_scale)
    short_fall = (y - short_location) / (spread * spread)
    fall = own * own_fall + paused * paused_fall + topped_up * short_fall
    return -fall - (own + paused + topped_up)
