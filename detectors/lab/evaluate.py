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
COLUMNS = 16  # settings at once: 100,000 episodes are 13 MB


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

    def summed(values: NDArray[np.generic]) -> Days:
        return np.add.reduceat(values.astype(np.float64), begins, axis=0)

    parts = []
    for some in np.array_split(np.arange(knob.size), np.ceil(knob.size / COLUMNS)):
        silence = silences[:, some]
        capped = np.where(lost, np.minimum(silence, most_days), 0.0)
        parts.append(
            (
                summed(~lost & (silence < episodes.gap[:, None])),
                summed(lost & (silence < most_days)),
                summed(capped),
                summed(np.minimum(capped / episodes.mean[:, None], MOST_GAPS)),
            )
        )
    false, found, days, gaps = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    living = np.where(episodes.lost, 0.0, episodes.gap)
    return Tally(knob, false, found, days, gaps, summed(episodes.lost), summed(living))


def draws(customers: int, count: int, seed: int = 1) -> Days:
    """How often each customer is drawn: [1 + count, customers], the first row all ones."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(customers, np.full(customers, 1.0 / customers), count)
    return np.concatenate([np.ones((1, customers)), drawn])


def false_alarm_rates(tally: Tally, weights: Days) -> Days:
    """False alerts a living customer-year: [draws, settings]."""
    rates: Days = (weights @ tally.false) / (weights @ tally.living_days / DAYS_A_YEAR)[:, None]
    return rates


class Place(NamedTuple):
    """Between which two settings of the knob something lies, and how far; [draws]."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    share: Days  # NaN where it lies beyond all settings

    def between(self, values: Days) -> Days:
        """What is there, of values [draws, settings]."""
        draw = np.arange(self.before.size)
        low, high = values[draw, self.before], values[draw, self.after]
        return np.asarray(low + self.share * (high - low))


def first_at_most(values: Days, level: float | Days) -> Place:
    """Where values [draws, settings] first fall to a level, one for all or one a draw."""
    levels = np.broadcast_to(np.asarray(level, np.float64), (values.shape[0],))
    after = np.argmax(values <= levels[:, None], axis=1)
    draw = np.arange(values.shape[0])
    before = np.maximum(after - 1, 0)
    over, under = values[draw, before], values[draw, after]
    met = (after > 0) & (under <= levels)
    fallen = np.where(over > under, over - under, 1.0)
    return Place(before, after, np.where(met, (over - levels) / fallen, np.nan))


def at_budget(tally: Tally, budget: float, weights: Days) -> AtBudget:
    """Set the knob to the first place where the rate falls to the budget; [draws]."""
    rates = false_alarm_rates(tally, weights)
    place = first_at_most(rates, budget)
    lost = weights @ tally.lost
    lost = np.where(lost > 0.0, lost, np.nan)  # a draw without anybody who left says nothing
    found, false = place.between(weights @ tally.found), place.between(weights @ tally.false)
    return AtBudget(
        place.between(np.broadcast_to(tally.knob, rates.shape)),
        place.between(weights @ tally.delay_days) / lost,
        place.between(weights @ tally.delay_gaps) / lost,
        found / lost,
        found / np.where(found + false > 0.0, found + false, np.nan),
    )


def rate_at_delay(tally: Tally, delay_days: Days, weights: Days) -> Days:
    """False alerts a living customer-year with the knob set to a mean delay; [draws]."""
    delays = (weights @ tally.delay_days) / (weights @ tally.lost)[:, None]
    return first_at_most(-delays, -delay_days).between(false_alarm_rates(tally, weights))


def interval(values: Days) -> tuple[float, float]:
    """The middle 95 % of the draws that have a figure, without the set itself; NaN without any."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not drawn.size:
        return np.nan, np.nan
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)
