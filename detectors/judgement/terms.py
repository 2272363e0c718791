"""The terms of a decision's log-odds in words, each with the customer's own numbers."""

import math
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct

from detectors.judgement.value import ESTABLISHED_GAPS, currency_name
from detectors.signals.windows import RECENT_WEEKS

_contribution = attrgetter("contribution")


class Reason(Struct, frozen=True, gc=False):
    """One term of the log-odds; `usual` and `observed` in `unit`."""

    code: str
    text: str
    usual: float | None
    observed: float | None
    unit: str | None
    contribution: float
    evidence: tuple[str, ...] = ()


class Limits(NamedTuple):
    """The drifts from which on streams are causes."""

    payments: float
    complaints: float
    no_shows: float


class Known(Struct, frozen=True, gc=False):
    """What is put into words, as plain numbers."""

    # of the DECISION: terms of its log-odds
    silence_logit: float
    visit_logit: float
    payment_logit: float
    complaint_logit: float
    cancellation_logit: float
    spend_logit: float
    no_show_logit: float
    # of the CUSTOMER beside it
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
    # of the FIGURES of both
    purchase_gap_days: float
    purchase_p90_days: float
    purchase_silence_days: float
    purchase_calendar_days: float
    visit_gap_days: float
    visit_p90_days: float
    visit_silence_days: float
    visit_calendar_days: float
    recent_visits: float
    # ids of the events that speak: the last purchase, the last trouble
    purchase_evidence: str
    trouble_evidence: str


def terms(known: Known, limits: Limits) -> tuple[Reason, ...]:
    """Every term that says something, the strongest first."""
    found = []
    if known.silence_logit != 0.0 and known.n_purchases:
        found.append(_purchase_silence(known))
    if known.visit_logit != 0.0 and known.n_visits:
        rarer = known.visit_silence_days <= known.visit_p90_days and known.visit_drift != 0.0
        found.append(_rarer(known) if rarer else _visit_silence(known))
    if known.payment_logit != 0.0:
        found.append(_payments(known, limits.payments))
    if known.complaint_logit != 0.0:
        found.append(_complaints(known, limits.complaints))
    if known.cancellation_logit != 0.0:
        found.append(_cancellation(known))
    if known.spend_logit != 0.0:
        found.append(_spend(known))
    if known.no_show_logit != 0.0:
        found.append(_no_shows(known, limits.no_shows))
    if len(found) > 1:
        found.sort(key=_contribution, reverse=True)  # of equals the first stays first
    return tuple(found)


def _purchase_silence(known: Known) -> Reason:
    usual, silent = known.purchase_gap_days, known.purchase_silence_days
    text = _silence(
        "purchase", usual, known.purchase_p90_days, silent, known.purchase_calendar_days,
        known.n_purchases - 1,
    )  # fmt: skip
    evidence = (known.purchase_evidence,)
    return Reason("purchase_silence", text, usual, silent, "days", known.silence_logit, evidence)


def _visit_silence(known: Known) -> Reason:
    usual, silent = known.visit_gap_days, known.visit_silence_days
    text = _silence(
        "visit", usual, known.visit_p90_days, silent, known.visit_calendar_days,
        known.n_visits - 1,
    )  # fmt: skip
    return Reason("visit_silence", text, usual, silent, "days", known.visit_logit)


def _rarer(known: Known) -> Reason:
    usual, recent = 7.0 * RECENT_WEEKS / known.visit_gap_days, known.recent_visits
    text = (
        f"{_times(round(recent), 'visit')} in the last {RECENT_WEEKS} weeks; "
        f"usually every {_days(known.visit_gap_days)}, that is {usual:.0f}."
    )
    return Reason("visit_drift", text, usual, recent, "visits", known.visit_logit)


def _payments(known: Known, limit: float) -> Reason:
    weight, evidence = known.payment_trouble, (known.trouble_evidence,)
    text = (
        f"{_times(known.n_payment_troubles, 'payment')} late, failed or taken back, "
        f"{known.n_paid} without trouble; what is recent weighs {weight:.1f} "
        f"({limit:.1f} is a cause)."
    )
    return Reason("payment_trouble", text, limit, weight, "weight", known.payment_logit, evidence)


def _complaints(known: Known, limit: float) -> Reason:
    weight, evidence = known.complaints, (known.trouble_evidence,)
    text = (
        f"{_times(known.n_complaints, 'complaint')}; what is recent weighs {weight:.1f} "
        f"({limit:.1f} is a cause)."
    )
    return Reason("complaints", text, limit, weight, "weight", known.complaint_logit, evidence)


def _cancellation(known: Known) -> Reason:
    logit, evidence = known.cancellation_logit, (known.trouble_evidence,)
    return Reason("cancellation_request", "Asked to cancel.", None, None, None, logit, evidence)


def _spend(known: Known) -> Reason:
    usual = math.exp(known.amount_log_sum / max(known.n_priced, 1))
    recent = math.exp(known.amount_log_recent)
    unit, evidence = currency_name(known.currency) or "money", (known.purchase_evidence,)
    text = f"Spends some {recent:.0f} {unit} a purchase of late; usually {usual:.0f}."
    return Reason("spend_decline", text, usual, recent, unit, known.spend_logit, evidence)


def _no_shows(known: Known, limit: float) -> Reason:
    weight, evidence = known.no_show_drift, (known.trouble_evidence,)
    text = (
        f"{_times(known.n_cancelled + known.n_no_show, 'booking')} called off or missed, "
        f"{known.n_visits} kept; what is recent weighs {weight:.1f} ({limit:.1f} is a cause)."
    )
    return Reason("no_shows", text, limit, weight, "weight", known.no_show_logit, evidence)


def _silence(
    what: str,
    usual_days: float,
    p90_days: float,
    silence_days: float,
    calendar_days: float,
    n_gaps: int,
) -> str:
    """How long, and how long it usually is: days of the clock, and of the calendar if it differs.

    Median and 9-in-10 gap expected, from so many gaps of their own.
    """
    silent = _days(calendar_days)
    if silence_days != calendar_days and (counted := _days(silence_days)) != silent:
        silent = f"{silent}, {counted} without closed time"
    who = "usually every" if n_gaps >= ESTABLISHED_GAPS else _going_by(n_gaps)
    return f"No {what} for {silent}; {who} {_days(usual_days)} (9 in 10 within {_days(p90_days)})."


def _going_by(n_gaps: int) -> str:
    if n_gaps == 0:
        return "customers usually come back after"
    own = "one gap of their own" if n_gaps == 1 else f"{n_gaps} gaps of their own"
    return f"going by {own} and by other customers, every"


def _days(days: float) -> str:
    """21.3 -> "21 days", 0.4 -> "10 hours"."""
    if days < 1.0:
        return f"{max(round(24.0 * days), 1)} hours"
    return _whole_days(round(days))


@lru_cache(1024)
def _whole_days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _times(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
