"""What the streams beside the purchases say: their part of the log-odds, and who is a cause.

Evidence is a share of the drift, at most `evidence_cap`: drifts are not zero in a healthy customer
either, and a stream's model may be wrong. It is kept as of the last observation: silence alone
never lowers a risk. A stream is a cause from its threshold on until its drift has come down to half
of that.
"""

from detectors.compiled import Row, kernel
from detectors.customer import (
    COMPLAINTS,
    NO_SHOWS,
    PAYMENT_TROUBLE,
    SPEND_DECLINE,
    VISIT_DRIFT,
    VISIT_SILENCE,
    lives_by_visits,
)
from detectors.signals.change import LEAST_THRESHOLD, counted, log_price, threshold
from detectors.signals.visit_gaps import visit_change, worth_a_look

BY_DRIFT = PAYMENT_TROUBLE | COMPLAINTS | VISIT_DRIFT | SPEND_DECLINE | NO_SHOWS
GAPS_KEPT = 2.0  # visit gaps that the old rhythm weighs once it is taken for the past


@kernel
def payment_evidence(c: Row, p: Row) -> float:
    """Log-odds that the payments add."""
    return counted(c.payment_trouble, p.payment_weight, p)


@kernel
def complaint_evidence(c: Row, p: Row) -> float:
    """Log-odds that the complaints add."""
    return counted(c.complaints, p.complaint_weight, p)


@kernel
def spend_evidence(c: Row, p: Row) -> float:
    """Log-odds that falling spend adds."""
    return counted(c.spend_drift, p.spend_weight, p)


@kernel
def no_show_evidence(c: Row, p: Row) -> float:
    """Log-odds that bookings not kept add."""
    return counted(c.no_show_drift, p.no_show_weight, p)


@kernel
def cancellation_evidence(c: Row, p: Row) -> float:
    """Log-odds that a standing request to cancel adds."""
    return float(p.cancellation_weight) if int(c.cancelling) == 1 else 0.0


@kernel
def with_cause(causes: int, cause: int, drift: float, level: float) -> int:
    """The causes with this one in or out, by its drift; above half of the level nothing changes."""
    if drift >= level:
        return causes | cause
    return causes & ~cause if drift < 0.5 * level else causes


@kernel
def weigh_causes(c: Row, p: Row) -> None:
    """Set the causes that follow from drifts."""
    causes = int(c.causes)
    drifts = max(c.payment_trouble, c.complaints, c.visit_drift, c.spend_drift, c.no_show_drift)
    if causes & BY_DRIFT == 0 and drifts < LEAST_THRESHOLD:
        return  # no threshold is lower (nearly always)
    price = log_price(p)
    causes = with_cause(causes, PAYMENT_TROUBLE, c.payment_trouble, threshold(p.payment_bar, price))
    causes = with_cause(causes, COMPLAINTS, c.complaints, threshold(p.complaint_bar, price))
    causes = with_cause(causes, VISIT_DRIFT, c.visit_drift, threshold(p.visit_bar, price))
    causes = with_cause(causes, SPEND_DECLINE, c.spend_drift, threshold(p.spend_bar, price))
    c.causes = with_cause(causes, NO_SHOWS, c.no_show_drift, threshold(p.no_show_bar, price))


@kernel
def look_at_visits(c: Row, now: float, p: Row) -> None:
    """What the visits' silence says now of who has a rhythm of purchases; more, never less."""
    if lives_by_visits(c) or not worth_a_look(c, now, p):
        return
    change = visit_change(c, now, p)
    c.visit_evidence = max(c.visit_evidence, counted(change, p.visit_weight, p))
    if change >= threshold(p.visit_bar, log_price(p)):
        c.causes = int(c.causes) | VISIT_SILENCE


@kernel
def settle(c: Row) -> None:
    """What has lasted so long is usual by now: no drift is left, and baselines begin anew."""
    c.payment_trouble = 0.0
    c.complaints = 0.0
    c.visit_drift = 0.0
    c.visit_evidence = 0.0
    c.spend_drift = 0.0
    c.no_show_drift = 0.0
    c.n_priced = 0
    c.amount_log_sum = 0.0
    c.amount_log_squares = 0.0
    kept = min(c.visit_gap_count, GAPS_KEPT)
    if kept > 0.0:
        share = kept / c.visit_gap_count
        c.visit_gap_count = kept
        c.visit_gap_log_sum *= share
        c.visit_gap_log_squares *= share
    c.causes = 0
