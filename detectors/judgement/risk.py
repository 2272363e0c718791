"""What a row says at a time: additive log-odds of having left, and the static risk.

    log-odds of having left = prior + silence + visits + payments + complaints + cancellation
                              + spend + no-shows
    prior   = ln a / (b + x)^power                    right after the last purchase
    silence = -ln S(s)                                s = days since, on the clock
    risk    = P(no purchase in the horizon H) = p + (1 - p) S(s + H) / S(s),   p = P(left)

For who lives by visits, prior and horizon are those of the visits, the silence term is 0 and the
visits' term is their own -ln S and what rarer visits say. For who has a rhythm of purchases, visits
add what they said when they were last looked at. Of a customer with neither only the prior is
known, and the risk is p. Silence never lowers p; the risk may dip while s is short of the usual
gap, because the next purchase then comes nearer.

Source: Fader, Hardie & Lee 2005 for the dropout; the rest is Bayes' rule.
"""

import math

import numpy as np

from detectors.cadence.law import log_survival_of
from detectors.cadence.posterior import purchase_gap, purchase_prior, visit_gap, visit_prior
from detectors.clock.outages import silent_days
from detectors.clock.reading import days_ahead
from detectors.compiled import Row, kernel
from detectors.customer import lives_by_visits
from detectors.observations import PURCHASES, VISITS
from detectors.signals.trouble import (
    cancellation_evidence,
    complaint_evidence,
    no_show_evidence,
    payment_evidence,
    spend_evidence,
)

LOGIT_LIMIT = 30.0  # e^-30 is 1e-13: what is surer than that is not distinguished


@kernel
def visits_silent_since(c: Row) -> float:
    """The last visit; for who lives by visits, a later purchase is a sign of life too."""
    if int(c.n_purchases) > 0 and lives_by_visits(c):
        return float(max(c.last_visit, c.last_purchase))
    return float(c.last_visit)


@kernel
def visit_silence_logit(c: Row, t: float, p: Row) -> float:
    """-ln S of the visits' silence at t; 0 for who never visited."""
    if int(c.n_visits) == 0:
        return 0.0
    return -log_survival_of(silent_days(p, VISITS, visits_silent_since(c), t), visit_gap(c, p))


@kernel
def bounded(logit: float) -> float:
    """A logit within +-LOGIT_LIMIT."""
    return max(-LOGIT_LIMIT, min(LOGIT_LIMIT, logit))


@kernel
def evidence(c: Row, p: Row) -> float:
    """Log-odds that all streams but the purchases and visits add together."""
    trouble = payment_evidence(c, p) + complaint_evidence(c, p) + cancellation_evidence(c, p)
    return trouble + spend_evidence(c, p) + no_show_evidence(c, p)


@kernel
def risk_logit(left_logit: float, log_s: float, log_s_ahead: float) -> float:
    """Log-odds of no purchase in the horizon, from those of having left and ln S(s), ln S(s+H)."""
    p_alive = 1.0 / (1.0 + math.exp(left_logit))
    p_return = p_alive * -math.expm1(log_s_ahead - log_s)
    if p_return <= 0.0:
        return LOGIT_LIMIT
    return bounded(math.log1p(-p_return) - math.log(p_return)) if p_return < 1.0 else -LOGIT_LIMIT


@kernel
def assess(c: Row, t: float, p: Row) -> tuple[float, float, float, float]:
    """(prior, silence, visits, risk) as logits at t; the other terms stand in the row."""
    if lives_by_visits(c):
        if int(c.n_visits) == 0:
            prior = purchase_prior(c, p)
            return prior, 0.0, 0.0, bounded(prior + evidence(c, p))
        gap = visit_gap(c, p)
        days = silent_days(p, VISITS, visits_silent_since(c), t)
        log_s = log_survival_of(days, gap)
        prior = visit_prior(c, p)
        visits = float(c.visit_evidence) - log_s
        left = bounded(prior + visits + evidence(c, p))
        ahead = days + days_ahead(p, t, p.horizon_days)
        risk = risk_logit(left, log_s, log_survival_of(ahead, gap))
        return prior, 0.0, visits, risk
    gap = purchase_gap(c, p)
    days = silent_days(p, PURCHASES, c.last_purchase, t)
    log_s = log_survival_of(days, gap)
    prior = purchase_prior(c, p)
    left = bounded(prior - log_s + float(c.visit_evidence) + evidence(c, p))
    ahead = days + days_ahead(p, t, p.horizon_days)
    risk = risk_logit(left, log_s, log_survival_of(ahead, gap))
    return prior, -log_s, float(c.visit_evidence), risk


@kernel
def left_logit(c: Row, t: float, p: Row) -> float:
    """Log-odds of having left at t: the sum of all terms."""
    prior, silence, visits, _ = assess(c, t, p)
    return prior + silence + visits + evidence(c, p)


@kernel
def sigmoid(logit: float) -> float:
    """1 / (1 + e^-logit)."""
    return float(1.0 / (1.0 + np.exp(-logit)))
