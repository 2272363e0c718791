"""What a customer is worth and how well they are known, in plain words.

value at risk = spend an occasion * occasions in the value horizon at the usual gap

at most twice what the customer has spent a day so far, so that two purchases in one week do not
make a fortune of a newcomer. In the currency of the last priced purchase.
"""

from dataclasses import dataclass

import numpy as np

from detectors.customer import DAY_SECONDS
from detectors.profile import Profile

LEAST_GAP_DAYS = 1.0
MOST_OVER_SPENT = 2.0


@dataclass(frozen=True, slots=True)
class ValueAtRisk:
    """What the customer would be expected to spend within the horizon; currency None: unknown."""

    amount: float
    currency: str | None
    horizon_days: float


def value_at_risk(customer: np.void, usual_gap_days: float, profile: Profile) -> ValueAtRisk:
    """Expected spend within the value horizon; 0 for who has no priced purchase."""
    horizon = profile.value_horizon_days
    code = int(customer["currency"])
    spend = float(customer["spend"])
    if code == 0 or spend <= 0.0:
        return ValueAtRisk(0.0, currency_name(code), horizon)
    gap = max(usual_gap_days, LEAST_GAP_DAYS)
    tenure = (float(customer["last_purchase"]) - float(customer["first_seen"])) / DAY_SECONDS + gap
    expected = spend / max(int(customer["n_purchases"]), 1) * horizon / gap
    most = MOST_OVER_SPENT * spend * horizon / tenure
    return ValueAtRisk(round(min(expected, most), 2), currency_name(code), horizon)


def currency_name(code: int) -> str | None:
    """0x455552 -> "EUR"; None for 0."""
    return code.to_bytes(3, "big").decode("ascii") if code else None


def segment(repeats: int, profile: Profile) -> str:
    """newcomer, regular or loyal, by repeat purchases (visits, for who lives by them)."""
    if repeats >= profile.loyal_from:
        return "loyal"
    return "regular" if repeats >= profile.regular_from else "newcomer"


def confidence(n_gaps: int) -> str:
    """new (the population's rhythm), learning (1-2 gaps of their own) or established."""
    if n_gaps == 0:
        return "new"
    return "learning" if n_gaps < 3 else "established"
