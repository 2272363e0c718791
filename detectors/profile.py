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
    # The same for visits. No public set has any: the greatest marginal likelihood over the gaps of
    # 2,000 simulated customers (`lab.scenario`, seed 1042).
    visit_gap_location: float = 1.60  # e^1.6 = 5 days
    visit_gap_location_weight: float = 0.51
    visit_gap_shape: float = 6.06
    visit_gap_scale: float = 1.44
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
    # Change detectors (`signals.change`). A stream opens an episode when its log-likelihood ratio
    # reaches ln(alert_cost_days, at least 60) + its bar; its weight is the share of the ratio that
    # counts as evidence before, evidence_cap at most. Bars and weights: tuned on simulated
    # customers (the scenario `streams-1` with the seeds 1042 and 2042), see docs/detection.md.
    visit_bar: float = 2.5
    visit_weight: float = 0.25
    spend_bar: float = 0.0
    spend_weight: float = 0.25
    payment_bar: float = -1.2
    payment_weight: float = 0.5
    no_show_bar: float = 0.5
    no_show_weight: float = 0.5
    complaint_bar: float = -1.0
    complaint_weight: float = 0.5
    evidence_cap: float = 3.0
    # Absences (vacations, illness) that hold a visit gap: how many a year, ln of their days. Set
    # near those of the simulated customers (1.35, of 10 to 35 days).
    absences_a_year: float = 1.5
    absence_location: float = 3.0  # e^3 = 20 days
    absence_scale: float = 0.4
    # Variance of ln amount within a customer, as good as known from so many amounts.
    spend_variance: float = 0.2
    spend_variance_count: float = 5.0
    # Share of payments in trouble and of bookings not kept, as good as known from so many; and how
    # long half of what payments said lasts when no more of them come. No public set has either:
    # the shares are the simulator's, the counts are set by hand.
    payment_share: float = 0.07
    payment_share_count: float = 15.0
    payment_half_life_days: float = 365.0
    missed_share: float = 0.08
    missed_share_count: float = 15.0
    # Complaints a year, as good as known from so many; who is about to leave complains so often.
    # The simulator's, and set by hand.
    complaints_a_year: float = 0.4
    complaint_count: float = 1.0
    complaint_every_days: float = 20.0
    cancellation_weight: float = 3.0
    # severity by the chance that the customer has left, 1 - p_alive
    warning_from: float = 0.3
    error_from: float = 0.6
    critical_from: float = 0.85
    # segment by repeat purchases (visits, for who lives by them)
    regular_from: float = 3.0
    loyal_from: float = 10.0

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
        for name in _AT_MOST_ONE:
            if getattr(self, name) > 1.0:
                raise ValueError(f"{name} must be at most 1, got {getattr(self, name)!r}")
        for name in ("payment_share", "missed_share"):
            if getattr(self, name) >= 1.0:
                raise ValueError(f"{name} must be below 1, got {getattr(self, name)!r}")
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


_ANY_SIGN = frozenset(
    {
        "gap_location", "visit_gap_location", "absence_location", "visit_bar", "spend_bar",
        "payment_bar", "no_show_bar", "complaint_bar",
    }
)  # fmt: skip
_AT_MOST_ONE = (
    "visit_weight", "spend_weight", "payment_weight", "no_show_weight", "complaint_weight",
)  # fmt: skip
_ABOVE_ZERO = frozenset(
    {
        "gap_location_weight", "gap_shape", "gap_scale", "dropout_a", "dropout_b",
        "alert_cost_days", "visit_gap_location_weight", "visit_gap_shape", "visit_gap_scale",
        "visit_dropout_a", "visit_dropout_b", "visit_alert_cost_days", "occasion_seconds",
        "visit_occasion_seconds", "horizon_days", "churn_horizon_days", "value_horizon_days",
        "longest_silence_days", "payment_half_life_days", "cancellation_weight", "absence_scale",
        "spend_variance", "spend_variance_count", "payment_share", "payment_share_count",
        "missed_share", "missed_share_count", "complaints_a_year", "complaint_count",
        "complaint_every_days",
    }
)  # fmt: skip
