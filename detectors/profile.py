"""Every tunable of detection in one frozen value, validated when it is made.

Days are days of event time, evidence is in log-odds, odds parameters are those of the gap model in
`cadence.posterior`. A profile is fixed for the life of a state: two profiles give two histories.
"""

import math
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Row


@dataclass(frozen=True)
class Profile:
    """How a shop's customers usually come, and what an alert is worth.

    Raises ValueError naming the parameter that is out of range.
    """

    # Population prior of ln gap (days) between purchase occasions: the greatest marginal
    # likelihood over 38,679 gaps of 2,327 households in the first 120 days of the Complete
    # Journey, the last, open gap of each included.
    gap_location: float = 1.713  # e^1.713 = 5.5 days
    gap_location_weight: float = 0.946
    gap_shape: float = 5.53
    gap_scale: float = 3.57
    # Beta prior of leaving for good after a purchase. The same fit finds next to no leaving (a
    # .003, b .17: these are households that kept on shopping); CDNOW has a .793, b 2.426 (Fader,
    # Hardie & Lee 2005). Set by hand between the two.
    dropout_a: float = 0.3
    dropout_b: float = 2.0
    # The days of delay that one false alert is worth: more = later and surer. 10 makes 1.0 false
    # alerts a living customer-year on the Complete Journey after its first 120 days (20: 0.7).
    alert_cost_days: float = 10.0
    # The same for visits, set by hand: as for purchases, but about twice as often.
    visit_gap_location: float = 1.0
    visit_gap_location_weight: float = 0.946
    visit_gap_shape: float = 5.53
    visit_gap_scale: float = 3.57
    visit_dropout_a: float = 0.3
    visit_dropout_b: float = 2.0
    visit_alert_cost_days: float = 10.0
    # Purchases (visits) nearer than this to the last one are the same occasion and close no gap.
    # Half a day: on the Complete Journey it predicts the next 60 days better than an hour (log-loss
    # .200 against .204).
    occasion_seconds: float = 43_200.0
    visit_occasion_seconds: float = 43_200.0
    # a silence decision waits this long for what is still on its way
    allowed_lateness_seconds: float = 60.0
    # risk and labels look this far ahead; an open episode is given up after churn_horizon_days
    horizon_days: float = 60.0
    churn_horizon_days: float = 180.0
    value_horizon_days: float = 180.0
    # no silence is waited for longer than this
    longest_silence_days: float = 730.0
    # leaky counters: half-life, the count that opens an episode, log-odds for one unit
    payment_half_life_days: float = 45.0
    payment_threshold: float = 2.0
    payment_weight: float = 0.7
    complaint_half_life_days: float = 30.0
    complaint_threshold: float = 2.0
    complaint_weight: float = 0.7
    # share of -ln S of the visits' silence that counts for a customer with a purchase rhythm
    # (the two streams are not independent), and the most that any one stream may say
    visit_weight: float = 0.5
    evidence_cap: float = 3.0
    cancellation_weight: float = 3.0
    # severity by the chance that the customer has left, 1 - p_alive
    warning_from: float = 0.3
    error_from: float = 0.6
    critical_from: float = 0.85
    # Severity goes up at once and down only when the log-odds are this much below what it was
    # reached at: 0.5 takes 0.60 back to 0.48.
    severity_margin: float = 0.5
    # Value counts for severity: one up from this tenth of the customers by value, one down up to
    # that one (10 = the most valuable); 11 and 0 switch it off. Ranks need so many customers.
    high_value_from: float = 9.0
    low_value_to: float = 3.0
    value_customers: float = 100.0
    # segment by repeat purchases (visits, for who lives by them)
    regular_from: float = 3.0
    loyal_from: float = 10.0
    # a regular customer from this tenth by value
    vip_from: float = 10.0
    # scale of the next ln gap: 1.2 = two in three gaps within a factor of 3.3 of the usual one
    unstable_from: float = 1.2
    # silent for so many usual gaps, the shop's or their own, whichever is longer
    sleeper_cycles: float = 6.0
    # Who is worth less than this is not won back: money of `win_back_currency` (three letters as a
    # number, 0x455552 = EUR), and in multiples of the median customer's value; 0 = off
    win_back_price: float = 0.0
    win_back_currency: float = 0.0
    win_back_medians: float = 0.0
    # after an episode nothing that is not more severe is announced for so long; 0 = off
    cooldown_days: float = 0.0
    # alerts opened a segment and day of event time, of one partition; 0 = without end
    alert_budget: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise ValueError(f"{field.name} must be a finite number, got {value!r}")
            if field.name not in _ANY_SIGN and value < 0.0:
                raise ValueError(f"{field.name} must not be negative, got {value!r}")
            if field.name in _ABOVE_ZERO and value <= 0.0:
                raise ValueError(f"{field.name} must be above 0, got {value!r}")
        if not 0.0 < self.warning_from < self.error_from < self.critical_from < 1.0:
            raise ValueError(
                "warning_from, error_from and critical_from must rise between 0 and 1, got "
                f"{self.warning_from!r}, {self.error_from!r}, {self.critical_from!r}"
            )
        if self.high_value_from <= self.low_value_to:
            raise ValueError(
                f"high_value_from must be above low_value_to ({self.low_value_to!r}), "
                f"got {self.high_value_from!r}"
            )
        if self.win_back_price > 0.0 and self.win_back_currency == 0.0:
            raise ValueError("win_back_price needs win_back_currency")
        if self.visit_weight > 1.0:
            raise ValueError(f"visit_weight must be at most 1, got {self.visit_weight!r}")
        if self.loyal_from < self.regular_from:
            raise ValueError(
                f"loyal_from must be at least regular_from ({self.regular_from!r}), "
                f"got {self.loyal_from!r}"
            )

    @cached_property
    def records(self) -> NDArray[np.void]:
        """The profile as an array of one record with a field for each tunable."""
        dtype = np.dtype([(field.name, "f8") for field in fields(self)])
        values = tuple(float(getattr(self, field.name)) for field in fields(self))
        return np.array([values], dtype)

    @property
    def record(self) -> Row:
        """The profile as one record with attributes, for kernels called one by one."""
        return self.records.view(np.recarray)[0]


_ANY_SIGN = frozenset({"gap_location", "visit_gap_location"})
_ABOVE_ZERO = frozenset(
    {
        "gap_location_weight", "gap_shape", "gap_scale", "dropout_a", "dropout_b",
        "alert_cost_days", "visit_gap_location_weight", "visit_gap_shape", "visit_gap_scale",
        "visit_dropout_a", "visit_dropout_b", "visit_alert_cost_days", "occasion_seconds",
        "visit_occasion_seconds", "horizon_days", "churn_horizon_days", "value_horizon_days",
        "longest_silence_days", "payment_half_life_days", "payment_threshold",
        "complaint_half_life_days", "complaint_threshold", "cancellation_weight",
        "value_customers", "unstable_from", "sleeper_cycles",
    }
)  # fmt: skip
