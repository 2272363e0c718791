"""A decision in words: the reasons for it, with the customer's own numbers.

    prior + sum of the reasons' contributions = log-odds of having left = ln (1 - p_alive) / p_alive

exactly, because every term of that sum but the prior is a reason. Value and segment are no term of
it: they say what is at stake, in `standing`. Nothing is looked up here: the decision and its
customer's row say it all.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.cadence.deadline import silence_reaching
from detectors.cadence.posterior import purchase_gap, visit_gap
from detectors.clock.reading import plain_days
from detectors.compiled import Rows, by_name, kernel
from detectors.customer import CUSTOMER, ID_BYTES, Hold, Segment, lives_by_visits
from detectors.judgement.episodes import DECISION, Status
from detectors.judgement.risk import visits_silent_since
from detectors.judgement.value import (
    ESTABLISHED_GAPS,
    ValueAtRisk,
    confidence,
    currency_name,
    values_at_risk,
)
from detectors.profile import Profile
from detectors.signals.change import log_price, threshold
from detectors.signals.windows import RECENT_WEEKS, counted_visits

LOG_TENTH = math.log(0.1)

ACTIONS = {
    "purchase_silence": "win_back_offer",
    "visit_silence": "invite_back",
    "payment_trouble": "help_with_payment",
    "complaints": "call_and_solve",
    "cancellation_request": "retention_call",
    "visit_drift": "invite_back",
    "spend_decline": "win_back_offer",
    "no_shows": "ask_for_better_times",
}
"""What to do about the leading reason; for a newcomer's silence see `explain`."""


SEGMENT_WORDS = {int(segment): segment.name.lower() for segment in Segment}
STANDINGS = {code: word.capitalize() for code, word in SEGMENT_WORDS.items()} | {
    int(Segment.VIP): "VIP"
}
HOLD_WORDS = {int(hold): hold.name.lower() if hold else None for hold in Hold}


class Chance(NamedTuple):
    """P(no purchase within the horizon); of visits, for who lives by them."""

    horizon_days: float
    value: float


class Usual(NamedTuple):
    """The rhythm that decides: median and 9-in-10 gap expected, from so many gaps of their own."""

    gap_days: float | None
    p90_gap_days: float | None
    n_gaps: int


class Observed(NamedTuple):
    """The silence since the last purchase (visit, for who lives by visits); None without one.

    In days of the clock, as usual gaps are: closed time is not counted.
    """

    silence_days: float | None


class Reason(NamedTuple):
    """One term of the log-odds; `usual` and `observed` in `unit`."""

    code: str
    text: str
    usual: float | None
    observed: float | None
    unit: str | None
    contribution: float
    evidence: tuple[str, ...] = ()


class Explanation(NamedTuple):
    """Everything that an alert says beside its ids; times in seconds since the epoch."""

    p_alive: float
    p_no_purchase: Chance
    usual: Usual
    observed: Observed
    value_at_risk: ValueAtRisk
    segment: str
    best_segment: str
    value_tenth: int | None  # 10 = the most valuable tenth; None: too little is known to say
    standing: str
    suppressed_reason: str | None
    confidence: str
    suggested_action: str
    reasons: tuple[Reason, ...]
    opened_at: float
    updated_at: float
    resolved_at: float | None


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


def explain(record: np.void, customer: np.void, profile: Profile) -> Explanation:
    """Put one DECISION and the CUSTOMER beside it into words."""
    records, customers = np.array([record], DECISION), np.array([customer], CUSTOMER)
    return explain_all(records, customers, profile)[0]


def explain_all(
    records: NDArray[np.void], customers: NDArray[np.void], profile: Profile
) -> list[Explanation]:
    """The same for DECISION[n] and CUSTOMER[n]; together they cost a fifth of one by one."""
    numbers = np.empty((len(records), 10))
    rhythms_all(by_name(customers), by_name(records), by_name(profile.records), numbers)
    values = values_at_risk(customers, profile)
    bought = customers["purchase_id"].tobytes()
    trouble = customers["trouble_id"].tobytes()
    found = []
    price = log_price(profile.record)
    limits = Limits(
        threshold(profile.payment_bar, price),
        threshold(profile.complaint_bar, price),
        threshold(profile.no_show_bar, price),
    )
    plain = zip(
        map(Said._make, records[list(Said._fields)].tolist()),
        map(Known._make, customers[list(Known._fields)].tolist()),
        numbers.tolist(),
        values,
        range(0, len(bought), ID_BYTES),
        strict=True,
    )
    for said, known, row, value, at in plain:
        evidence = Evidence(
            bought[at : at + known.purchase_id_length].decode(),
            trouble[at : at + known.trouble_id_length].decode(),
        )
        purchases = _rhythm(row, 1, known.n_purchases)
        visits = _rhythm(row, 5, known.n_visits)
        reasons = _reasons(said, known, purchases, visits, row[9], evidence, limits)
        decisive = visits if row[0] else purchases
        found.append(_explanation(said, known, decisive, reasons, value, profile))
    return found


def _explanation(
    said: Said,
    known: Known,
    rhythm: Rhythm | None,
    reasons: tuple[Reason, ...],
    value: ValueAtRisk,
    profile: Profile,
) -> Explanation:
    n_gaps = rhythm.n_gaps if rhythm else 0
    silent = said.status in (Status.RESOLVED, Status.EXPIRED, Status.SUPPRESSED)
    return Explanation(
        p_alive=said.p_alive,
        p_no_purchase=Chance(profile.horizon_days, said.risk),
        usual=Usual(
            rhythm.gap_days if rhythm else None, rhythm.p90_gap_days if rhythm else None, n_gaps
        ),
        observed=Observed(rhythm.silence_days if rhythm else None),
        value_at_risk=value,
        segment=SEGMENT_WORDS[known.segment],
        best_segment=SEGMENT_WORDS[known.best_segment],
        value_tenth=known.value_tenth or None,
        standing=_standing(known, value),
        suppressed_reason=HOLD_WORDS[known.suppressed],
        confidence=confidence(n_gaps),
        suggested_action="none"
        if silent or not reasons
        else _action(reasons[0].code, n_gaps, profile),
        reasons=reasons,
        opened_at=said.opened_at,
        updated_at=said.time,
        resolved_at=None if math.isnan(said.resolved_at) else said.resolved_at,
    )


def _rhythm(row: list[float], at: int, occasions: int) -> Rhythm | None:
    """None for who never came."""
    if not occasions:
        return None
    return Rhythm(row[at], row[at + 1], row[at + 2], row[at + 3], occasions - 1)


@kernel
def rhythms_all(customers: Rows, records: Rows, profile: Rows, out: NDArray[np.float64]) -> None:
    """Whether visits decide; median and 9-in-10 gap, silence and calendar days: purchases, visits.

    Then the visits of the last weeks. Into `out`, a row of ten a customer, as of the records' time.
    """
    p = profile[0]
    for i in range(customers.shape[0]):
        c, d = customers[i], records[i]
        law = purchase_gap(c, p)
        out[i, 0] = 1.0 if lives_by_visits(c) else 0.0
        out[i, 1] = math.exp(law[1])
        out[i, 2] = silence_reaching(law, LOG_TENTH)
        out[i, 3] = d.silence_days
        out[i, 4] = plain_days(c.last_purchase, d.time)
        law = visit_gap(c, p)
        out[i, 5] = math.exp(law[1])
        out[i, 6] = silence_reaching(law, LOG_TENTH)
        out[i, 7] = d.visit_silence_days
        out[i, 8] = plain_days(visits_silent_since(c), d.time)
        out[i, 9] = float(counted_visits(c, d.time))


def _standing(known: Known, value: ValueAtRisk) -> str:
    """Segment and value: "Regular (loyal before), would spend some 412.00 EUR in 180 days, …"."""
    text = STANDINGS[known.segment]
    if known.best_segment > known.segment:
        text += f" ({SEGMENT_WORDS[known.best_segment]} before)"
    if value.currency:
        text += f", would spend some {value.amount:,.2f} {value.currency} in "
        text += f"{value.horizon_days:.0f} days"
    if known.value_tenth > 1:
        text += f", worth more than {10 * (known.value_tenth - 1)} % of customers"
    elif known.value_tenth:
        text += ", among the least valuable tenth of customers"
    return text + "."


def _action(code: str, n_gaps: int, profile: Profile) -> str:
    if code == "purchase_silence" and n_gaps < profile.regular_from:
        return "second_purchase_offer"
    return ACTIONS[code]


def _reasons(
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
