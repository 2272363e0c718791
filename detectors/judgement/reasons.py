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
from detectors.judgement.terms import Evidence, Known, Limits, Reason, Rhythm, Said, terms
from detectors.judgement.value import (
    ValueAtRisk,
    confidence,
    values_at_risk,
)
from detectors.profile import Profile
from detectors.signals.change import log_price, threshold
from detectors.signals.windows import counted_visits

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
        reasons = terms(said, known, purchases, visits, row[9], evidence, limits)
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
