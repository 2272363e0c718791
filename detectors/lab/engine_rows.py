"""What the engine itself knew of each customer at some moment, and what it makes of it.

The purchases go through `engine.apply` in the order of time, as in a worker. The rows that it has
written are set aside right after a purchase, or at the end of a day. When the silence after that
purchase is worth an alert, and how likely it is to last, the engine's own functions say.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Rows, by_name, kernel
from detectors.customer import CUSTOMER, DAY_SECONDS
from detectors.engine import apply
from detectors.judgement.risk import assess, sigmoid
from detectors.judgement.schedule import purchase_deadline
from detectors.lab.decided import NO_IDS, empty_state
from detectors.lab.histories import Days, Histories, Whole
from detectors.observations import OBSERVATION, Batch
from detectors.profile import Profile

LEAST_CHANCE = 1e-9  # of what followed a purchase: the log of one surprise is -21


class EngineRun:
    """One pass of a set's purchases through the engine; the row of customer n is row n."""

    def __init__(self, histories: Histories, profile: Profile) -> None:
        self.histories = histories
        self.state = empty_state(histories.customers, profile)
        self._order = np.argsort(histories.day, kind="stable")
        self._done = 0

    def seconds(self, day: float | Days) -> Days:
        """Event time of a day of the set."""
        return np.asarray(self.histories.epoch + DAY_SECONDS * np.asarray(day, np.float64))

    def until(self, day: float) -> Iterator[Whole]:
        """Apply what was bought up to and with `day`, nobody twice at once; what was applied."""
        days = self.histories.day[self._order]
        stop = int(np.searchsorted(days, day, side="right"))
        customers = self.histories.customer[self._order]
        while self._done < stop:
            ahead = customers[self._done : min(stop, self._done + self.histories.customers)]
            _, first = np.unique(ahead, return_index=True)
            again = np.setdiff1d(np.arange(ahead.size), first)
            size = int(again[0]) if again.size else ahead.size
            applied = self._order[self._done : self._done + size]
            self._apply(applied)
            self._done += size
            yield applied

    def _apply(self, purchases: Whole) -> None:
        observations = np.zeros(purchases.size, OBSERVATION)
        observations["event_time"] = self.seconds(self.histories.day[purchases])
        observations["effective_time"] = observations["event_time"]
        observations["row"] = self.histories.customer[purchases]
        for name in ("amount", "value", "extra"):
            observations[name] = np.nan
        apply(self.state, Batch(observations, NO_IDS))


def rows_after(histories: Histories, purchases: Whole, profile: Profile) -> NDArray[np.void]:
    """CUSTOMER as it is right after each of these purchases (indices into the histories)."""
    kept = np.empty(purchases.size, CUSTOMER)
    place = np.full(histories.day.size, -1)
    place[purchases] = np.arange(purchases.size)
    run = EngineRun(histories, profile)
    for applied in run.until(histories.end):
        wanted = applied[place[applied] >= 0]
        kept[place[wanted]] = run.state.rows[histories.customer[wanted]]
    return kept


def silences(rows: NDArray[np.void], profile: Profile, costs: Days) -> Days:
    """Days from the last purchase to the alert, for each price of a false one: [rows, costs]."""
    profiles = [replace(profile, alert_cost_days=float(cost)).records for cost in costs]
    out = np.empty((len(rows), len(costs)))
    _silences_all(by_name(rows), by_name(np.concatenate(profiles)), out)
    return out


@kernel
def _silences_all(rows: Rows, profiles: Rows, out: Days) -> None:
    for i in range(rows.shape[0]):
        for j in range(profiles.shape[0]):
            deadline = purchase_deadline(rows[i], profiles[j])
            out[i, j] = (deadline - rows[i].last_purchase) / DAY_SECONDS


def chances(rows: NDArray[np.void], now: float, profile: Profile) -> Days:
    """P(no purchase within `profile.horizon_days`) as of `now` (seconds): [rows]."""
    out = np.empty(len(rows))
    _chances_all(by_name(rows), now, by_name(profile.records), out)
    return out


@kernel
def _chances_all(rows: Rows, now: float, profile: Rows, out: Days) -> None:
    for i in range(rows.shape[0]):
        out[i] = sigmoid(assess(rows[i], now, profile[0])[3])


def log_likelihoods(histories: Histories, profile: Profile) -> Days:
    """ln of the chance of what followed each purchase, as the engine saw it right after: [n].

    Of a gap: that the next purchase falls on the day, counted from the last one, on which it fell;
    of the last, open one: that none comes until the end. No chance counts for less than
    `LEAST_CHANCE`.
    """
    rows = rows_after(histories, np.arange(histories.day.size), profile)
    gaps = histories.gaps
    ended = np.isfinite(gaps)
    begins = np.where(ended, np.floor(np.where(ended, gaps, 0.0)), histories.end - histories.day)
    ends = np.where(ended, begins + 1.0, np.inf)
    out = np.empty(len(rows))
    _followed_all(by_name(rows), begins, ends, by_name(profile.records.copy()), out)
    return np.asarray(np.log(np.maximum(out, LEAST_CHANCE)))


@kernel
def _followed_all(rows: Rows, begins: Days, ends: Days, profile: Rows, out: Days) -> None:
    p = profile[0]
    for i in range(rows.shape[0]):
        chance = 1.0
        if begins[i] > 0.0:
            p.horizon_days = begins[i]
            chance = sigmoid(assess(rows[i], rows[i].last_purchase, p)[3])
        if ends[i] < np.inf:
            p.horizon_days = ends[i]
            chance -= sigmoid(assess(rows[i], rows[i].last_purchase, p)[3])
        out[i] = chance
