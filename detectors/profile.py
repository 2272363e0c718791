"""Every tunable of detection in one frozen value, validated when it is made.

Days are days of event time, evidence is in log-odds, odds parameters are those of the gap model in
`cadence.posterior`. A profile is fixed for the life of a state: two profiles give two histories.
"""

import math
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.clock.guard import UNWATCHED, Guard
from detectors.clock.value import CLOCK, FLAT_CLOCK, Clock, fill
from detectors.compiled import Row


@dataclass(frozen=True)
class Profile:
    """How a shop's customers usually come, and what an alert is worth.

    Raises ValueError naming the parameter that is out of range.
    """

    # The purchase cadence of a population (`detectors.cadence`). The defaults lie in the middle of
    # what `lab.fit` finds in CDNOW before its day 182 (a gap of 43 days, half leave after the first
    # purchase) and in the Complete Journey before its day 120 (6 days, next to nobody leaves):
    # `python -m benchmarks.quality.profiles`. Fitted to a shop's own history they do better.
    # Prior of ln gap (days) between purchase occasions
    gap_location: float = 2.79  # e^2.79 = 16 days
    gap_location_weight: float = 1.05
    gap_shape: float = 13.6
    gap_scale: float = 9.05
    gap_memory: float = 0.957  # what a gap still counts after the next one
    first_gap_shift: float = 0.0  # of ln gap: the first gap is another one than those after it
    # Pauses: absences that say nothing of the rhythm. How many a day, how many of a customer's own
    # weigh as much as that, and ln of their length in days
    pause_rate: float = 0.0026
    pause_prior: float = 1.1
    pause_location: float = 4.69
    pause_spread: float = 0.8
    # Top-ups: purchases soon after another one, of whatever rhythm; their share, and ln of the days
    short_share: float = 0.052
    short_location: float = 0.3
    short_spread: float = 0.27
    # Leaving for good after a purchase, odds a / (b + x)^power with x repeats
    dropout_a: float = 0.62
    dropout_b: float = 1.85
    dropout_power: float = 2.47
    # The days of delay that one false alert is worth: more = later and surer. `offbeat calibrate`
    # finds what a budget asks for: some 20 to 240 for one false alert a living customer-year.
    alert_cost_days: float = 60.0
    # What a delay of one of the customer's own gaps counts beside the days that it lasts
    gap_delay_days: float = 5.0
    # Odds of leaving after any purchase that an alert is for at the least, whatever the past shows:
    # the fit of a time in which nobody left must not make alerts wait for ever
    least_leaving: float = 0.004
    # The same for visits. No public set has any: the greatest marginal likelihood over the gaps of
    # 2,000 simulated customers (`lab.scenario`, seed 1042).
    visit_gap_location: float = 1.60  # e^1.6 = 5 days
    visit_gap_location_weight: float = 0.51
    visit_gap_shape: float = 6.06
    visit_gap_scale: float = 1.44
    visit_dropout_a: float = 0.3
    visit_dropout_b: float = 2.0
    visit_alert_cost_days: float = 60.0
    # Purchases (visits) nearer than this to the last one, on the clock, are the same occasion and
    # close no gap.
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
    # the time that gaps and silences are measured in
    clock: Clock = FLAT_CLOCK
    # when an input is taken for out, so that its silence says nothing
    guard: Guard = UNWATCHED

    def __post_init__(self) -> None:
        for name in tunables():
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value!r}")
            if name not in _ANY_SIGN and value < 0.0:
                raise ValueError(f"{name} must not be negative, got {value!r}")
            if name in _ABOVE_ZERO and value <= 0.0:
                raise ValueError(f"{name} must be above 0, got {value!r}")
        if not 0.0 < self.warning_from < self.error_from < self.critical_from < 1.0:
            raise ValueError(
                "warning_from, error_from and critical_from must rise between 0 and 1, got "
                f"{self.warning_from!r}, {self.error_from!r}, {self.critical_from!r}"
            )
        if not 0.0 < self.gap_memory <= 1.0:
            raise ValueError(f"gap_memory must be above 0 and at most 1, got {self.gap_memory!r}")
        if self.short_share >= 1.0:
            raise ValueError(f"short_share must be below 1, got {self.short_share!r}")
        if self.high_value_from <= self.low_value_to:
            raise ValueError(
                f"high_value_from must be above low_value_to ({self.low_value_to!r}), "
                f"got {self.high_value_from!r}"
            )
        if self.win_back_price > 0.0 and self.win_back_currency == 0.0:
            raise ValueError("win_back_price needs win_back_currency")
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
        """The profile as an array of one record: a field for each tunable, for the guard, CLOCK."""
        own = [*tunables(), "guard_least_daily", "guard_longest_days"]
        table = np.zeros(1, [(name, "f8") for name in own] + CLOCK.descr)
        for name in tunables():
            table[name] = getattr(self, name)
        table["guard_least_daily"] = self.guard.least_daily
        table["guard_longest_days"] = self.guard.longest_days
        fill(table, self.clock)
        return table

    @property
    def record(self) -> Row:
        """The profile as one record with attributes, for kernels called one by one."""
        return self.records.view(np.recarray)[0]


def tunables() -> tuple[str, ...]:
    """Names of the numbers in a profile: all but the clock and the guard."""
    return tuple(field.name for field in fields(Profile) if field.name not in ("clock", "guard"))


_ANY_SIGN = frozenset(
    {
        "gap_location", "first_gap_shift", "pause_location", "short_location",
        "visit_gap_location", "absence_location", "visit_bar", "spend_bar", "payment_bar",
        "no_show_bar", "complaint_bar",
    }
)  # fmt: skip
_AT_MOST_ONE = (
    "visit_weight", "spend_weight", "payment_weight", "no_show_weight", "complaint_weight",
)  # fmt: skip
_ABOVE_ZERO = frozenset(
    {
        "gap_location_weight", "gap_shape", "gap_scale", "pause_prior", "pause_spread",
        "short_spread", "dropout_a", "dropout_b", "dropout_power",
        "alert_cost_days", "visit_gap_location_weight", "visit_gap_shape", "visit_gap_scale",
        "visit_dropout_a", "visit_dropout_b", "visit_alert_cost_days", "occasion_seconds",
        "visit_occasion_seconds", "horizon_days", "churn_horizon_days", "value_horizon_days",
        "longest_silence_days", "payment_half_life_days", "cancellation_weight", "absence_scale",
        "spend_variance", "spend_variance_count", "payment_share", "payment_share_count",
        "missed_share", "missed_share_count", "complaints_a_year", "complaint_count",
        "complaint_every_days",
        "value_customers", "unstable_from", "sleeper_cycles",
    }
)  # fmt: skip
