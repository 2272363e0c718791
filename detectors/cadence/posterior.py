"""What a customer's gaps are like: a normal-inverse-gamma posterior over ln gap.

With n gaps, S1 = sum ln g, S2 = sum ln^2 g and the population's (m0, kappa0, a0, b0):

    kappa = kappa0 + n,   m = (kappa0 m0 + S1) / kappa,   a = a0 + n / 2
    b = b0 + (S2 - S1^2 / n) / 2 + kappa0 n (S1 / n - m0)^2 / (2 kappa)

and the next gap's ln g follows a Student t with 2 a degrees of freedom, location m and scale
sqrt(b (kappa + 1) / (a kappa)). Without a gap of their own, a customer is the population.

Source: Murphy 2007, "Conjugate Bayesian analysis of the Gaussian distribution", section 6.
"""

import math

from detectors.compiled import Row, kernel


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
def purchase_gap(c: Row, p: Row) -> tuple[float, float, float]:
    """The customer's next ln gap between purchases."""
    return predictive(
        c.gap_count,
        c.gap_log_sum,
        c.gap_log_squares,
        p.gap_location,
        p.gap_location_weight,
        p.gap_shape,
        p.gap_scale,
    )


@kernel
def visit_gap(c: Row, p: Row) -> tuple[float, float, float]:
    """The customer's next ln gap between visits."""
    return predictive(
        c.visit_gap_count,
        c.visit_gap_log_sum,
        c.visit_gap_log_squares,
        p.visit_gap_location,
        p.visit_gap_location_weight,
        p.visit_gap_shape,
        p.visit_gap_scale,
    )


@kernel
def purchase_prior(c: Row, p: Row) -> float:
    """Log-odds of having left right after the last purchase: ln a / (b + x), x repeats.

    Beta-geometric dropout (Fader, Hardie & Lee 2005; Batislam et al. 2007 for leaving at x = 0).
    """
    repeats = max(float(c.n_purchases) - 1.0, 0.0)
    return math.log(p.dropout_a / (p.dropout_b + repeats))


@kernel
def visit_prior(c: Row, p: Row) -> float:
    """The same after the last visit."""
    repeats = max(float(c.n_visits) - 1.0, 0.0)
    return math.log(p.visit_dropout_a / (p.visit_dropout_b + repeats))
