"""How many alerts a price of a false one makes, and the price that meets a budget.

The engine's own decisions are counted. An alert is false if its customer came back later, whatever
kept them away; whether they did is known at the end of the span. So the last days of a span
(`until` to `end`) are there to look on only: they are neither counted nor lived. Then

    false alerts a living customer-year = false alerts / days up to a later sign of life

Intervals are over customers, drawn with replacement.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.customer import DAY_SECONDS
from detectors.judgement.episodes import Status
from detectors.lab.evaluate import DAYS_A_YEAR, draws
from detectors.lab.histories import Days, Whole
from detectors.profile import Profile

#: Prices are looked for in steps of 1 %, in three digits: .01 to 100,000 days.
PRICES = np.unique([float(f"{price:.3g}") for price in np.geomspace(0.01, 1e5, 1621)])
MOST_DRAWN = 20_000  # of customers beyond that, some are drawn together: 300 draws are 50 MB
LEAST_GAPS = 2  # whose own gaps are spoken of


class Signs(NamedTuple):
    """What ends a silence, sorted by (customer, time); `customers` of them, some without any."""

    customer: Whole
    time: Days  # seconds since the epoch
    customers: int

    @classmethod
    def of(cls, customer: NDArray[np.integer], time: Days, customers: int) -> "Signs":
        """In any order."""
        order = np.lexsort((time, customer))
        return cls(customer[order].astype(np.int64), time[order], customers)

    def before(self, end: float) -> "Signs":
        """Those before `end` (seconds), and nothing else."""
        early = self.time < end
        return Signs(self.customer[early], self.time[early], self.customers)

    def bounds(self) -> tuple[Days, Days]:
        """Of each customer, the first and the last; inf and -inf without any."""
        first, last = np.full(self.customers, np.inf), np.full(self.customers, -np.inf)
        np.minimum.at(first, self.customer, self.time)
        np.maximum.at(last, self.customer, self.time)
        return first, last


class Span(NamedTuple):
    """Alerts in [begin, until) are counted; what came until `end` tells the false; seconds."""

    begin: float
    until: float
    end: float

    @property
    def days(self) -> float:
        """In which alerts are counted."""
        return (self.until - self.begin) / DAY_SECONDS


class Counted(NamedTuple):
    """The alerts of one profile in a span; the first three are sums by customer."""

    opened: Days
    false: Days
    living_days: Days
    customer: Whole  # [alerts with gaps enough before them]
    silence_gaps: Days  # silence before the alert, in the mean of those gaps
    days: float


class Expected(NamedTuple):
    """What a profile makes; an entry a draw, the first is the set itself. NaN: nothing to tell."""

    false_a_living_year: Days
    false_a_year: Days  # of all customers together
    alerts_a_day: Days
    false_ratio: Days  # of the alerts
    silence_gaps: Days  # median


def count(opened: NDArray[np.void], signs: Signs, span: Span) -> Counted:
    """Count alerts.

    Args:
        opened: DECISION, those that open an alert (`alerts_opened`).
        signs: at least what came before `span.end`; what came later is not looked at.
        span: what is counted.
    """
    known = signs.before(span.end)
    first, last = known.bounds()
    inside = opened[(opened["time"] >= span.begin) & (opened["time"] < span.until)]
    who, when = inside["row"].astype(np.int64), inside["time"]
    false = when < last[who]
    lived = np.minimum(last, span.until) - np.maximum(first, span.begin)
    gaps, silence = own_silences(who, when, known)
    shown = gaps >= LEAST_GAPS
    return Counted(
        np.bincount(who, minlength=signs.customers).astype(np.float64),
        np.bincount(who[false], minlength=signs.customers).astype(np.float64),
        np.maximum(lived, 0.0) / DAY_SECONDS,
        who[shown],
        silence[shown],
        span.days,
    )


def alerts_opened(records: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which decisions open an alert."""
    return np.asarray(records["status"] == Status.OPENED)


def own_silences(who: Whole, when: Days, signs: Signs) -> tuple[Whole, Days]:
    """At each moment of a customer: their gaps so far, and the silence in the mean of these."""
    customer = np.concatenate([signs.customer, who])
    time = np.concatenate([signs.time, when])
    asks = np.arange(customer.size) >= signs.customer.size
    order = np.lexsort((asks, time, customer))
    so_far = np.empty(customer.size, np.int64)
    so_far[order] = np.cumsum(~asks[order])
    latest = so_far[asks] - 1  # index of the last sign up to the moment
    begins = np.searchsorted(signs.customer, who)
    gaps = latest - begins
    known = gaps >= 1
    span = signs.time[latest[known]] - signs.time[begins[known]]
    silence = np.full(who.size, np.nan)
    mean = span / gaps[known]
    silence[known] = (when[known] - signs.time[latest[known]]) / np.where(mean > 0.0, mean, np.nan)
    return np.where(np.isfinite(silence), gaps, 0), silence


def expected(counted: Counted, number: int = 300) -> Expected:
    """Figures of a span, over `number` draws of customers."""
    groups = np.arange(counted.opened.size) % MOST_DRAWN
    size = int(groups.max(initial=-1)) + 1
    weights = draws(size, number)

    def drawn(values: Days) -> Days:
        return np.asarray(weights @ np.bincount(groups, values, size))

    opened, false = drawn(counted.opened), drawn(counted.false)
    years = drawn(counted.living_days) / DAYS_A_YEAR
    return Expected(
        false / np.where(years > 0.0, years, np.nan),
        false / counted.days * DAYS_A_YEAR,
        opened / counted.days,
        false / np.where(opened > 0.0, opened, np.nan),
        _medians(counted.silence_gaps, weights, groups[counted.customer]),
    )


def _medians(values: Days, weights: Days, group: Whole) -> Days:
    """The least value that half of the weight does not exceed; [draws], one at a time."""
    order = np.argsort(values)
    medians = np.full(len(weights), np.nan)
    for i, weight in enumerate(weights):
        reached = np.cumsum(weight[group[order]])
        if reached.size and reached[-1] > 0.0:
            medians[i] = values[order[np.searchsorted(reached, 0.5 * reached[-1])]]
    return medians


def priced(profile: Profile, price: float) -> Profile:
    """The profile at another price of a false alert; that of visits changes in the same ratio."""
    ratio = price / profile.alert_cost_days
    visits = float(f"{profile.visit_alert_cost_days * ratio:.4g}")
    return replace(profile, alert_cost_days=price, visit_alert_cost_days=visits)


class Found(NamedTuple):
    """The least price that keeps to the budget, the rate there, and the rates at both ends.

    price is NaN where no price keeps to the budget, or where every one does.
    """

    price: float
    rate: float
    cheapest: float
    dearest: float


def find_price(rate_at: Callable[[float], float], budget: float) -> Found:
    """Bisect PRICES, along which the rate falls: at most 13 calls of `rate_at`."""
    cheapest, dearest = rate_at(float(PRICES[0])), rate_at(float(PRICES[-1]))
    if dearest > budget or cheapest <= budget:
        return Found(np.nan, np.nan, cheapest, dearest)
    over, under, rate = 0, PRICES.size - 1, dearest
    while under - over > 1:
        middle = (over + under) // 2
        found = rate_at(float(PRICES[middle]))
        if found > budget:
            over = middle
        else:
            under, rate = middle, found
    return Found(float(PRICES[under]), rate, cheapest, dearest)
