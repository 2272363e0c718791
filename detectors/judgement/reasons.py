"""A decision in words: the reasons for it, with the customer's own numbers.

    prior + sum of the reasons' contributions = log-odds of having left = ln (1 - p_alive) / p_alive

exactly, because every term of that sum but the prior is a reason. Value and segment are no term of
it: they say what is at stake, in `standing`. Nothing is looked up here: the decision and its
customer's row say it all.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from detectors.customer import CUSTOMER, ID_BYTES, Hold, Segment
from detectors.judgement.episodes import DECISION, Status
from detectors.judgement.figures import FIGURES, figures_of
from detectors.judgement.terms import Known, Limits, Reason, terms
from detectors.judgement.value import confidence, currency_name
from detectors.profile import Profile

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
"""What to do about the leading reason; for a newcomer's silence see `_action`."""


SEGMENT_WORDS = {int(segment): segment.name.lower() for segment in Segment}
STANDINGS = {code: word.capitalize() for code, word in SEGMENT_WORDS.items()} | {
    int(Segment.VIP): "VIP"
}
HOLD_WORDS = {int(hold): hold.name.lower() if hold else None for hold in Hold}
STILL_OPEN = frozenset({int(Status.OPENED), int(Status.UPDATED)})  # the others ask for nothing
# where the numbers of `Known` are found, in its order
SAID = tuple(name for name in Known.__struct_fields__ if name.endswith("_logit"))
FIGURED = tuple(name for name in Known.__struct_fields__ if name in (FIGURES.names or ()))
HELD = tuple(
    n for n in Known.__struct_fields__ if n not in SAID + FIGURED and n in (CUSTOMER.names or ())
)


class Explanation(Struct, frozen=True, gc=False):
    """Everything that an alert says beside its ids; times in seconds since the epoch.

    Chance, gaps and silence are of purchases, and of visits for who lives by them. Gaps and silence
    are days of the clock: closed time is not counted. None: they have never come, or nothing is
    known.
    """

    p_alive: float
    p_no_purchase: float  # within the profile's horizon
    gap_days: float | None  # the rhythm that decides: median and 9-in-10 gap expected
    p90_gap_days: float | None
    n_gaps: int  # of their own, that it is known from
    silence_days: float | None
    value_at_risk: float  # expected spend within the profile's value horizon
    currency: str | None
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
    """The same for DECISION[n] and CUSTOMER[n]; together they cost a tenth of one by one."""
    figures, limits = figures_of(records, customers, profile)
    n_gaps = figures["n_gaps"].tolist()
    reasons = _reasons(records, customers, figures, Limits._make(limits.tolist()[0]))
    values = figures["value"].round(2).tolist()
    currencies = [currency_name(code) for code in customers["currency"].tolist()]
    tenths = customers["value_tenth"].tolist()
    segments, bests = customers["segment"].tolist(), customers["best_segment"].tolist()
    columns: tuple[Iterable[Any], ...] = (  # in the order of Explanation
        records["p_alive"].tolist(),
        records["risk"].tolist(),
        _or_none(figures["gap_days"]),
        _or_none(figures["p90_gap_days"]),
        n_gaps,
        _or_none(figures["silence_days"]),
        values,
        currencies,
        [SEGMENT_WORDS[code] for code in segments],
        [SEGMENT_WORDS[code] for code in bests],
        [tenth or None for tenth in tenths],
        _standings(segments, bests, values, currencies, tenths, profile),
        [HOLD_WORDS[code] for code in customers["suppressed"].tolist()],
        [confidence(n) for n in n_gaps],
        _actions(records["status"].tolist(), reasons, n_gaps, profile),
        reasons,
        records["opened_at"].tolist(),
        records["time"].tolist(),
        _or_none(records["resolved_at"]),
    )
    return list(map(Explanation, *columns))


def _or_none(column: NDArray[np.float64]) -> list[float | None]:
    """None for NaN."""
    return [None if number != number else number for number in column.tolist()]  # noqa: PLR0124 (only NaN)


def _reasons(
    records: NDArray[np.void],
    customers: NDArray[np.void],
    figures: NDArray[np.void],
    limits: Limits,
) -> list[tuple[Reason, ...]]:
    columns = (
        *(records[name].tolist() for name in SAID),
        *(customers[name].tolist() for name in HELD),
        *(figures[name].tolist() for name in FIGURED),
        _ids(customers["purchase_id"], customers["purchase_id_length"]),
        _ids(customers["trouble_id"], customers["trouble_id_length"]),
    )
    return [terms(known, limits) for known in map(Known, *columns)]


def _ids(ids: NDArray[np.uint8], lengths: NDArray[np.uint8]) -> list[str]:
    data, starts = ids.tobytes(), range(0, ids.size, ID_BYTES)
    return [data[at : at + n].decode() for at, n in zip(starts, lengths.tolist(), strict=True)]


def _standings(
    segments: list[int],
    bests: list[int],
    values: list[float],
    currencies: list[str | None],
    tenths: list[int],
    profile: Profile,
) -> list[str]:
    """Segment and value: "Regular (loyal before), would spend some 412.00 EUR in 180 days, …"."""
    horizon = f"in {profile.value_horizon_days:.0f} days"
    return [
        f"{_segment(now, best)}, would spend some {value:,.2f} {currency} {horizon}{_tenth(tenth)}."
        if currency
        else f"{_segment(now, best)}{_tenth(tenth)}."
        for now, best, value, currency, tenth in zip(
            segments, bests, values, currencies, tenths, strict=True
        )
    ]


@lru_cache
def _segment(now: int, best: int) -> str:
    before = f" ({SEGMENT_WORDS[best]} before)" if best > now else ""
    return f"{STANDINGS[now]}{before}"


@lru_cache
def _tenth(tenth: int) -> str:
    if tenth > 1:
        return f", worth more than {10 * (tenth - 1)} % of customers"
    return ", among the least valuable tenth of customers" if tenth else ""


def _actions(
    statuses: list[int], reasons: list[tuple[Reason, ...]], n_gaps: list[int], profile: Profile
) -> list[str]:
    return [
        _action(why[0].code, n, profile) if why and status in STILL_OPEN else "none"
        for status, why, n in zip(statuses, reasons, n_gaps, strict=True)
    ]


def _action(code: str, n_gaps: int, profile: Profile) -> str:
    if code == "purchase_silence" and n_gaps < profile.regular_from:
        return "second_purchase_offer"
    return ACTIONS[code]
