"""What a customer's gaps are like: a normal-inverse-gamma posterior over ln gap.

With n gaps, S1 = sum ln g, S2 = sum ln^2 g (each gap by the share of it that was neither pause nor
top-up, and fading by `gap_memory` with every newer one) and the population's (m0, kappa0, a0, b0):

    kappa = kappa0 + n,   m = (kappa0 m0 + S1) / kappa,   a = a0 + n / 2
    b = b0 + (S2 - S1^2 / n) / 2 + kappa0 n (S1 / n - m0)^2 / (2 kappa)

and the next gap's ln g follows a Student t with 2 a degrees of freedom, location m and scale
sqrt(b (kappa + 1) / (a kappa)). Without a gap of their own, a customer is the population.

Source: Murphy 2007, "Conjugate Bayesian analysis of the Gaussian distribution", section 6.
"""

import math

from detectors.cadence.law import Law, densities, own_norm
from detectors.compiled import Row, kernel

LONGEST_LOG_GAP = 8.0  # eight years: a wild location makes no number overflow


@kernel
def predictive(
    n: float,
    log_sum: float,
    log_squares: float,
    location: float,
    weight: float,
    shape: float,
    scale: float,
) -> tuple[float, float, float]:
    """(degrees of freedom, location, scale) of the next ln gap (days); all finite, scale > 0."""
    if n <= 0.0:
        return 2.0 * shape, location, math.sqrt(scale * (weight + 1.0) / (shape * weight))
    mean = log_sum / n
    kappa = weight + n
    posterior_shape = shape + 0.5 * n
    spread = max(log_squares - log_sum * mean, 0.0)  # rounding may leave it just below 0
    posterior_scale = scale + 0.5 * (spread + weight * n * (mean - location) ** 2 / kappa)
    return (
        2.0 * posterior_shape,
        (weight * location + log_sum) / kappa,
        math.sqrt(posterior_scale * (kappa + 1.0) / (posterior_shape * kappa)),
    )


@kernel
def purchase_gap(c: Row, p: Row) -> Law:
    """The law of the customer's next gap between purchases.

    Pauses come at a rate of the customer's own, shrunk to the population's: a gamma prior worth
    `pause_prior` pauses, so eps = 1 - exp(-rate e^location) is the chance of one within a gap.
    """
    nu, location, scale = purchase_rhythm(c, p)
    pauses = 0.0
    if p.pause_rate > 0.0:
        seen, filled = float(c.pause_count), float(c.active_days)
        rate = p.pause_rate * (p.pause_prior + seen) / (p.pause_prior + p.pause_rate * filled)
        pauses = 1.0 - math.exp(-rate * math.exp(min(location, LONGEST_LOG_GAP)))
    return (
        nu, location, scale, pauses, p.pause_location, p.pause_spread,
        p.short_share, p.short_location, p.short_spread,
    )  # fmt: skip


@kernel
def purchase_rhythm(c: Row, p: Row) -> tuple[float, float, float]:
    """The own rhythm in that law: (degrees of freedom, location, scale)."""
    nu, location, scale = predictive(
        c.gap_count,
        c.gap_log_sum,
        c.gap_log_squares,
        p.gap_location,
        p.gap_location_weight,
        p.gap_shape,
        p.gap_scale,
    )
    if int(c.n_purchases) < 2:
        location += p.first_gap_shift
    return nu, location, scale


@kernel
def close_gap(c: Row, days: float, law: Law, p: Row) -> None:
    """Take a closed gap (days > 0) into the rhythm, as far as it was neither pause nor top-up.

    `law` is what the customer's gaps were like before it.
    """
    log_gap = math.log(days)
    own, paused, topped_up = densities(log_gap, law, own_norm(law))
    total = own + paused + topped_up
    share = own / total if total > 0.0 else 0.0
    pause = paused / total if total > 0.0 else 1.0
    c.gap_count = p.gap_memory * c.gap_count + share
    c.gap_log_sum = p.gap_memory * c.gap_log_sum + share * log_gap
    c.gap_log_squares = p.gap_memory * c.gap_log_squares + share * log_gap * log_gap
    c.pause_count = p.gap_memory * c.pause_count + pause
    c.active_days = p.gap_memory * c.active_days + (1.0 - pause) * days
    c.last_gap = days


@kernel
def visit_gap(c: Row, p: Row) -> Law:
    """The law of the customer's next gap between visits: their own rhythm alone."""
    nu, location, scale = predictive(
        c.visit_gap_count,
        c.visit_gap_log_sum,
        c.visit_gap_log_squares,
        p.visit_gap_location,
        p.visit_gap_location_weight,
        p.visit_gap_shape,
        p.visit_gap_scale,
    )
    return nu, location, scale, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0


@kernel
def purchase_prior(c: Row, p: Row) -> float:
    """Log-odds of having left right after the last purchase: ln a / (b + x)^power, x repeats.

    Beta-geometric dropout (Fader, Hardie & Lee 2005; Batislam et al. 2007 for leaving at x = 0) has
    power 1. A greater power says that who keeps coming is surer to stay than a fixed chance of
    leaving a customer explains.
    """
    repeats = max(float(c.n_purchases) - 1.0, 0.0)
    return math.log(p.dropout_a) - float(p.dropout_power) * math.log(p.dropout_b + repeats)


@kernel
def visit_prior(c: Row, p: Row) -> float:
    """The same after the last visit, with power 1."""
    repeats = max(float(c.n_visits) - 1.0, 0.0)
    return math.log(p.visit_dropout_a / (p.visit_dropout_b + repeats))
