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
from detectors.engine import advance, apply
from detectors.judgement.risk import assess, sigmoid
from detectors.judgement.schedule import purchase_deadline
from detectors.lab.decided import NO_IDS, empty_state
from detectors.lab.histories import Days, Histories, Whole
from detectors.learning.features import FEATURES, take_features
from detectors.observations import OBSERVATION, Batch
from detectors.profile import Profile

DOLLARS = 0x555344  # whatever the money is, it is one


class EngineRun:
    """One pass of a set's purchases through the engine; the row of customer n is row n."""

    def __init__(self, histories: Histories, profile: Profile) -> None:
        self.histories = histories
        self.state = empty_state(histories.customers, profile)
        self._order = np.argsort(histories.day, kind="stable")
        self._done = 0
        self._examples: list[NDArray[np.void]] = []

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
        observations["amount"] = self.histories.amount[purchases]
        observations["currency"] = DOLLARS
        for name in ("value", "extra"):
            observations[name] = np.nan
        self._examples.append(apply(self.state, Batch(observations, NO_IDS)).examples)

    def labels(self, day: float) -> NDArray[np.void]:
        """EXAMPLE by label time: what has become known by the end of `day` since the last call."""
        known = float(np.nextafter(self.seconds(day), np.inf))
        self._examples.append(advance(self.state, known).examples)
        examples = np.concatenate(self._examples)
        self._examples.clear()
        return examples[np.argsort(examples["label_time"], kind="stable")]


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


def snapshots(rows: NDArray[np.void], now: float, profile: Profile) -> NDArray[np.float32]:
    """What the online model is asked about each row as of `now` (seconds): [rows, FEATURES]."""
    out = np.empty((len(rows), len(FEATURES)), np.float32)
    _snapshots_all(by_name(rows), now, by_name(profile.records), out)
    return out


@kernel
def _snapshots_all(rows: Rows, now: float, profile: Rows, out: NDArray[np.float32]) -> None:
    for i in range(rows.shape[0]):
        take_features(out[i], rows[i], now, profile[0])


def chances(rows: NDArray[np.void], now: float, profile: Profile) -> Days:
    """P(no purchase within `profile.horizon_days`) as of `now` (seconds): [rows]."""
    out = np.empty(len(rows))
    _chances_all(by_name(rows), now, by_name(profile.records), out)
    return out


@kernel
def _chances_all(rows: Rows, now: float, profile: Rows, out: Days) -> None:
    for i in range(rows.shape[0]):
        out[i] = sigmoid(assess(rows[i], now, profile[0])[3])
