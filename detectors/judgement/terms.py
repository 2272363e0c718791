"""The terms of a decision's log-odds in words, each with the customer's own numbers."""

import math
from typing import NamedTuple

from detectors.judgement.value import ESTABLISHED_GAPS, currency_name
from detectors.signals.windows import RECENT_WEEKS


class Reason(NamedTuple):
    """One term of the log-odds; `usual` and `observed` in `unit`."""

    code: str
    text: str
    usual: float | None
    observed: float | None
    unit: str | None
    contribution: float
    evidence: tuple[str, ...] = ()


class Evidence(NamedTuple):
    """Ids of the events that speak: the last purchase, the last trouble."""

    purchase: str
    trouble: str


class Rhythm(NamedTuple):
    """How often something usually happens, and how long ago it last did; days.

    On the clock, but for `calendar_days`, the silence with closed time.
    """

    gap_days: float
    p90_gap_days: float
    silence_days: float
    calendar_days: float
    n_gaps: int


class Said(NamedTuple):
    """What of a DECISION is put into words, as plain numbers."""

    time: float
    opened_at: float
    resolved_at: float
    risk: float
    p_alive: float
    silence_logit: float
    visit_logit: float
    payment_logit: float
    complaint_logit: float
    cancellation_logit: float
    spend_logit: float
    no_show_logit: float
    status: int


class Limits(NamedTuple):
    """The drifts from which on streams are causes."""

    payments: float
    complaints: float
    no_shows: float


class Known(NamedTuple):
    """What of the CUSTOMER beside it, likewise."""

    payment_trouble: float
    complaints: float
    n_purchases: int
    n_visits: int
    n_paid: int
    n_payment_troubles: int
    n_complaints: int
    n_cancelled: int
    n_no_show: int
    n_priced: int
    currency: int
    amount_log_sum: float
    amount_log_recent: float
    visit_drift: float
    no_show_drift: float
    purchase_id_length: int
    trouble_id_length: int
    segment: int
    best_segment: int
    value_tenth: int
    suppressed: int


def terms(
    said: Said,
    known: Known,
    purchases: Rhythm | None,
    visits: Rhythm | None,
    recent_visits: float,
    evidence: Evidence,
    limits: Limits,
) -> tuple[Reason, ...]:
    """Every term that says something, the strongest first."""
    trouble = (evidence.trouble,)
    found = []
    if purchases and said.silence_logit != 0.0:
        bought = (evidence.purchase,)
        found.append(
            _silence("purchase_silence", "purchase", purchases, said.silence_logit, bought)
        )
    if visits and said.visit_logit != 0.0:
        if visits.silence_days > visits.p90_gap_days or known.visit_drift == 0.0:
            found.append(_silence("visit_silence", "visit", visits, said.visit_logit, ()))
        else:
            found.append(_rarer(visits, recent_visits, said.visit_logit))
    if said.payment_logit != 0.0:
        found.append(_payments(said, known, trouble, limits.payments))
    if said.complaint_logit != 0.0:
        found.append(_complaints(said, known, trouble, limits.complaints))
    if said.cancellation_logit != 0.0:
        logit = said.cancellation_logit
        found.append(
            Reason("cancellation_request", "Asked to cancel.", None, None, None, logit, trouble)
        )
    if said.spend_logit != 0.0:
        found.append(_spend(said, known, evidence))
    if said.no_show_logit != 0.0:
        found.append(_no_shows(said, known, visits, trouble, limits.no_shows))
    return tuple(sorted(found, key=lambda reason: -reason.contribution))


def _payments(said: Said, known: Known, evidence: tuple[str, ...], limit: float) -> Reason:
    weight = known.payment_trouble
    text = (
        f"{_times(known.n_payment_troubles, 'payment')} late, failed or taken back, "
        f"{known.n_paid} without trouble; what is recent weighs {weight:.1f} "
        f"({limit:.1f} is a cause)."
    )
    return Reason("payment_trouble", text, limit, weight, "weight", said.payment_logit, evidence)


def _complaints(said: Said, known: Known, evidence: tuple[str, ...], limit: float) -> Reason:
    weight = known.complaints
    text = (
        f"{_times(known.n_complaints, 'complaint')}; what is recent weighs {weight:.1f} "
        f"({limit:.1f} is a cause)."
    )
    return Reason("complaints", text, limit, weight, "weight", said.complaint_logit, evidence)


def _rarer(visits: Rhythm, recent: float, logit: float) -> Reason:
    usual = 7.0 * RECENT_WEEKS / visits.gap_days
    text = (
        f"{_times(round(recent), 'visit')} in the last {RECENT_WEEKS} weeks; "
        f"usually every {_days(visits.gap_days)}, that is {usual:.0f}."
    )
    return Reason("visit_drift", text, usual, recent, "visits", logit)


def _spend(said: Said, known: Known, evidence: Evidence) -> Reason:
    usual = math.exp(known.amount_log_sum / max(known.n_priced, 1))
    recent = math.exp(known.amount_log_recent)
    unit = currency_name(known.currency) or "money"
    text = f"Spends some {recent:.0f} {unit} a purchase of late; usually {usual:.0f}."
    return Reason(
        "spend_decline", text, usual, recent, unit, said.spend_logit, (evidence.purchase,)
    )


def _no_shows(
    said: Said,
    known: Known,
    visits: Rhythm | None,
    evidence: tuple[str, ...],
    limit: float,
) -> Reason:
    missed, kept = known.n_cancelled + known.n_no_show, visits.n_gaps + 1 if visits else 0
    weight = known.no_show_drift
    text = (
        f"{_times(missed, 'booking')} called off or missed, {kept} kept; what is recent weighs "
        f"{weight:.1f} ({limit:.1f} is a cause)."
    )
    return Reason("no_shows", text, limit, weight, "weight", said.no_show_logit, evidence)


def _silence(
    code: str, what: str, rhythm: Rhythm, logit: float, evidence: tuple[str, ...]
) -> Reason:
    usual, often = _days(rhythm.gap_days), _days(rhythm.p90_gap_days)
    if rhythm.n_gaps >= ESTABLISHED_GAPS:
        who = "usually every"
    elif rhythm.n_gaps:
        own = "one gap of their own" if rhythm.n_gaps == 1 else f"{rhythm.n_gaps} gaps of their own"
        who = f"going by {own} and by other customers, every"
    else:
        who = "customers usually come back after"
    silent, counted = _days(rhythm.calendar_days), _days(rhythm.silence_days)
    if silent != counted:
        silent = f"{silent}, {counted} without closed time"
    text = f"No {what} for {silent}; {who} {usual} (9 in 10 within {often})."
    return Reason(code, text, rhythm.gap_days, rhythm.silence_days, "days", logit, evidence)


def _days(days: float) -> str:
    """21.3 -> "21 days", 0.4 -> "10 hours"."""
    if days < 1.0:
        return f"{max(round(24.0 * days), 1)} hours"
    return "1 day" if round(days) == 1 else f"{days:.0f} days"


def _times(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
