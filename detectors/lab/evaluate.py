"""Detectors side by side: how late they are when they are wrong equally often.

An episode is the silence after one purchase (`histories.episodes`). A detector says, for each
episode and each setting of its one knob, after how many days of silence it would alert. If the
customer comes back later than that, the alert was false, whatever kept them away. If they never
come back, the delay is the silence at which the alert came: in days, `most_days` at most, and in
the customer's own mean gaps, `MOST_GAPS` at most; an alert that comes later than that counts as
missed. Then

    false alerts a living customer-year = false alerts / days in gaps that a purchase closed

and each detector's knob is set so that it makes as many of them as all the others. Between two
settings of the knob, what lies between them is taken (as if it were thrown for each customer).

Intervals are over customers, drawn with replacement; in each draw the knob is set anew.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.lab.histories import Days, Episodes

DAYS_A_YEAR = 365.25
MOST_GAPS = 10.0


class Tally(NamedTuple):
    """What came of a detector: a row a customer and a column a setting of the knob, sums."""

    knob: Days  # [settings], rising with fewer false alerts
    false: Days  # [customers, settings] false alerts
    found: Days  # who had left and was found in time
    delay_days: Days  # of all who had left, capped
    delay_gaps: Days
    lost: Days  # [customers] who had left
    living_days: Days  # [customers]


class AtBudget(NamedTuple):
    """A detector with its knob set to the budget; an entry a draw, the first is the set itself.

    NaN where no setting of the knob meets the budget.
    """

    knob: Days
    delay_days: Days
    delay_gaps: Days
    recall: Days
    precision: Days


def tally(episodes: Episodes, knob: Days, silences: Days, most_days: float) -> Tally:
    """Count over each customer's episodes.

    Args:
        episodes: sorted by customer.
        knob: [settings].
        silences: [episodes, settings] days of silence after which the detector alerts.
        most_days: no delay counts for more; nor does a later alert find anybody.
    """
    begins = np.flatnonzero(np.diff(episodes.customer, prepend=-1))
    lost = episodes.lost[:, None]
    capped = np.minimum(silences, most_days)
    gaps = np.minimum(capped / episodes.mean[:, None], MOST_GAPS)

    def summed(values: NDArray[np.generic]) -> Days:
        return np.add.reduceat(values.astype(np.float64), begins, axis=0)

    return Tally(
        knob,
        summed(~lost & (silences < episodes.gap[:, None])),
        summed(lost & (silences < most_days)),
        summed(np.where(lost, capped, 0.0)),
        summed(np.where(lost, gaps, 0.0)),
        summed(episodes.lost),
        summed(np.where(episodes.lost, 0.0, episodes.gap)),
    )


def draws(customers: int, count: int, seed: int = 1) -> Days:
    """How often each customer is drawn: [1 + count, customers], the first row all ones."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(customers, np.full(customers, 1.0 / customers), count)
    return np.concatenate([np.ones((1, customers)), drawn])


def false_alarm_rates(tally: Tally, weights: Days) -> Days:
    """False alerts a living customer-year: [draws, settings]."""
    rates: Days = (weights @ tally.false) / (weights @ tally.living_days / DAYS_A_YEAR)[:, None]
    return rates


def at_budget(tally: Tally, budget: float, weights: Days) -> AtBudget:
    """Set the knob to the first place where the rate falls to the budget; [draws]."""
    rates = false_alarm_rates(tally, weights)
    after = np.argmax(rates <= budget, axis=1)
    draw = np.arange(rates.shape[0])
    met = (after > 0) & (rates[draw, after] <= budget)
    before = np.maximum(after - 1, 0)
    over, under = rates[draw, before], rates[draw, after]
    share = np.where(met, (over - budget) / np.where(over > under, over - under, 1.0), np.nan)

    def between(values: Days) -> Days:
        low, high = values[draw, before], values[draw, after]
        return np.asarray(low + share * (high - low))

    lost = weights @ tally.lost
    found, false = between(weights @ tally.found), between(weights @ tally.false)
    return AtBudget(
        between(np.broadcast_to(tally.knob, rates.shape)),
        between(weights @ tally.delay_days) / lost,
        between(weights @ tally.delay_gaps) / lost,
        found / lost,
        found / np.where(found + false > 0.0, found + false, np.nan),
    )


def interval(values: Days) -> tuple[float, float]:
    """The middle 95 % of the draws, without the set itself."""
    low, high = np.quantile(values[1:], (0.025, 0.975))
    return float(low), float(high)
