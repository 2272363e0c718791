"""A decision in words: the reasons for it, with the customer's own numbers.

    prior + sum of the reasons' contributions = log-odds of having left = ln (1 - p_alive) / p_alive

exactly, because every term of that sum but the prior is a reason. Nothing is looked up here: the
decision and its customer's row say it all.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors.cadence.deadline import silence_reaching
from detectors.cadence.posterior import purchase_gap, visit_gap
from detectors.compiled import Rows, by_name, kernel
from detectors.customer import CUSTOMER, lives_by_visits
from detectors.judgement.episodes import Status
from detectors.judgement.risk import silence_days, visits_silent_since
from detectors.judgement.value import ValueAtRisk, confidence, segment, value_at_risk
from detectors.profile import Profile

LOG_TENTH = math.log(0.1)

ACTIONS = {
    "purchase_silence": "win_back_offer",
    "visit_silence": "invite_back",
    "payment_trouble": "help_with_payment",
    "complaints": "call_and_solve",
    "cancellation_request": "retention_call",
}
"""What to do about the leading reason; for a newcomer's silence see `explain`."""


@dataclass(frozen=True, slots=True)
class Chance:
    """P(no purchase within the horizon); of visits, for who lives by them."""

    horizon_days: float
    value: float


@dataclass(frozen=True, slots=True)
class Usual:
    """The rhythm that decides: median and 9-in-10 gap expected, from so many gaps of their own."""

    gap_days: float | None
    p90_gap_days: float | None
    n_gaps: int


@dataclass(frozen=True, slots=True)
class Observed:
    """The silence since the last purchase (visit, for who lives by visits); None without one."""

    silence_days: float | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One term of the log-odds; `usual` and `observed` in `unit`."""

    code: str
    text: str
    usual: float | None
    observed: float | None
    unit: str | None
    contribution: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that an alert says beside its ids; times in seconds since the epoch."""

    p_alive: float
    p_no_purchase: Chance
    usual: Usual
    observed: Observed
    value_at_risk: ValueAtRisk
    segment: str
    confidence: str
    suggested_action: str
    reasons: tuple[Reason, ...]
    opened_at: float
    updated_at: float
    resolved_at: float | None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often something usually happens, and how long ago it last did; days."""

    gap_days: float
    p90_gap_days: float
    silence_days: float
    n_gaps: int


def explain(record: np.void, customer: np.void, profile: Profile) -> Explanation:
    """Put a DECISION and the CUSTOMER beside it into words."""
    now = float(record["time"])
    one = by_name(np.frombuffer(customer.tobytes(), CUSTOMER))
    numbers = rhythms(one, now, by_name(profile.records))
    purchases = _rhythm(numbers[1:4], int(customer["n_purchases"]))
    visits = _rhythm(numbers[4:7], int(customer["n_visits"]))
    rhythm = visits if numbers[0] else purchases
    reasons = _reasons(record, customer, purchases, visits, profile)
    n_gaps = rhythm.n_gaps if rhythm else 0
    segmented = segment(n_gaps, profile)
    ended = int(record["status"]) in (Status.RESOLVED, Status.EXPIRED)
    resolved_at = float(record["resolved_at"])
    return Explanation(
        p_alive=float(record["p_alive"]),
        p_no_purchase=Chance(profile.horizon_days, float(record["risk"])),
        usual=Usual(
            rhythm.gap_days if rhythm else None, rhythm.p90_gap_days if rhythm else None, n_gaps
        ),
        observed=Observed(rhythm.silence_days if rhythm else None),
        value_at_risk=value_at_risk(customer, purchases.gap_days if purchases else 1.0, profile),
        segment=segmented,
        confidence=confidence(n_gaps),
        suggested_action="none" if ended or not reasons else _action(reasons[0].code, segmented),
        reasons=reasons,
        opened_at=float(record["opened_at"]),
        updated_at=now,
        resolved_at=None if math.isnan(resolved_at) else resolved_at,
    )


@kernel
def rhythms(
    customers: Rows, now: float, profile: Rows
) -> tuple[bool, float, float, float, float, float, float]:
    """Whether visits decide; median gap, 9-in-10 gap and silence (days): purchases, visits."""
    c, p = customers[0], profile[0]
    nu, location, scale = purchase_gap(c, p)
    purchase_gap_days = math.exp(location)
    purchase_p90_days = silence_reaching(nu, location, scale, LOG_TENTH)
    nu, location, scale = visit_gap(c, p)
    return (
        lives_by_visits(c),
        purchase_gap_days,
        purchase_p90_days,
        silence_days(c.last_purchase, now),
        math.exp(location),
        silence_reaching(nu, location, scale, LOG_TENTH),
        silence_days(visits_silent_since(c), now),
    )


def _rhythm(numbers: tuple[float, float, float], occasions: int) -> Rhythm | None:
    """None for who never came."""
    return Rhythm(*numbers, occasions - 1) if occasions else None


def _action(code: str, segmented: str) -> str:
    if code == "purchase_silence" and segmented == "newcomer":
        return "second_purchase_offer"
    return ACTIONS[code]


def _reasons(
    record: np.void, c: np.void, purchases: Rhythm | None, visits: Rhythm | None, profile: Profile
) -> tuple[Reason, ...]:
    """Every term that says something, the strongest first."""
    trouble = (c["trouble_id"][: c["trouble_id_length"]].tobytes().decode(),)
    bought = (c["purchase_id"][: c["purchase_id_length"]].tobytes().decode(),)
    found = []
    if purchases and record["silence_logit"] != 0.0:
        logit = float(record["silence_logit"])
        found.append(_silence("purchase_silence", "purchase", purchases, logit, bought))
    if visits and record["visit_logit"] != 0.0:
        found.append(_silence("visit_silence", "visit", visits, float(record["visit_logit"]), ()))
    if record["payment_logit"] != 0.0:
        found.append(_payments(record, c, trouble, profile))
    if record["complaint_logit"] != 0.0:
        found.append(_complaints(record, c, trouble, profile))
    if record["cancellation_logit"] != 0.0:
        logit = float(record["cancellation_logit"])
        found.append(
            Reason("cancellation_request", "Asked to cancel.", None, None, None, logit, trouble)
        )
    return tuple(sorted(found, key=lambda reason: -reason.contribution))


def _payments(record: np.void, c: np.void, evidence: tuple[str, ...], profile: Profile) -> Reason:
    weight, limit = float(c["payment_trouble"]), profile.payment_threshold
    text = (
        f"{_times(int(c['n_payment_troubles']), 'payment')} late, failed or taken back, "
        f"{int(c['n_paid'])} without trouble; what is recent weighs {weight:.1f} "
        f"({limit:g} is a cause)."
    )
    logit = float(record["payment_logit"])
    return Reason("payment_trouble", text, limit, weight, "weight", logit, evidence)


def _complaints(record: np.void, c: np.void, evidence: tuple[str, ...], profile: Profile) -> Reason:
    weight, limit = float(c["complaints"]), profile.complaint_threshold
    text = (
        f"{_times(int(c['n_complaints']), 'complaint')}; what is recent weighs {weight:.1f} "
        f"({limit:g} is a cause)."
    )
    logit = float(record["complaint_logit"])
    return Reason("complaints", text, limit, weight, "weight", logit, evidence)


def _silence(
    code: str, what: str, rhythm: Rhythm, logit: float, evidence: tuple[str, ...]
) -> Reason:
    usual, often = _days(rhythm.gap_days), _days(rhythm.p90_gap_days)
    who = "usually every" if rhythm.n_gaps else "customers usually come back after"
    text = f"No {what} for {_days(rhythm.silence_days)}; {who} {usual} (9 in 10 within {often})."
    return Reason(code, text, rhythm.gap_days, rhythm.silence_days, "days", logit, evidence)


def _days(days: float) -> str:
    """21.3 -> "21 days", 0.4 -> "10 hours"."""
    if days < 1.0:
        return f"{max(round(24.0 * days), 1)} hours"
    return "1 day" if round(days) == 1 else f"{days:.0f} days"


def _times(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
