"""What a customer is worth and how well they are known, in plain words.

value at risk = spend an occasion * occasions in the value horizon at the usual gap

at most twice what the customer has spent a day so far, so that two purchases in one week do not
make a fortune of a newcomer. In the currency of the last priced purchase.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.customer import DAY_SECONDS
from detectors.profile import Profile

LEAST_GAP_DAYS = 1.0
MOST_OVER_SPENT = 2.0


class ValueAtRisk(NamedTuple):
    """What the customer would be expected to spend within the horizon; currency None: unknown."""

    amount: float
    currency: str | None
    horizon_days: float


def values_at_risk(
    customers: NDArray[np.void], usual_gap_days: NDArray[np.float64], profile: Profile
) -> list[ValueAtRisk]:
    """Expected spend within the value horizon, of CUSTOMER[n]; 0 for who has no priced purchase."""
    horizon = profile.value_horizon_days
    spend = np.where(customers["currency"] > 0, np.maximum(customers["spend"], 0.0), 0.0)
    gap = np.where(customers["n_purchases"] > 0, np.maximum(usual_gap_days, LEAST_GAP_DAYS), 1.0)
    tenure = (customers["last_purchase"] - customers["first_seen"]) / DAY_SECONDS + gap
    expected = spend / np.maximum(customers["n_purchases"], 1) * horizon / gap
    amounts = np.fmin(expected, MOST_OVER_SPENT * spend * horizon / tenure).round(2)
    return [
        ValueAtRisk(amount, currency_name(code), horizon)
        for amount, code in zip(amounts.tolist(), customers["currency"].tolist(), strict=True)
    ]


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
