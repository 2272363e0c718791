"""Alerts beside the truth of a simulation: how soon after a change, and how often without one.

An alert that is said before its customer's onset is false; an update of it afterwards is not, for
it says something new. The delay is the time from the onset to the first that is said after it,
whatever its cause; inf when nothing is. Half a false alert a year is one every two living years,
a customer living until the onset.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.episodes import Status
from detectors.lab.evaluate import DAYS_A_YEAR, first_at_most
from detectors.lab.histories import Days, Whole


class Said(NamedTuple):
    """What was said about whom: customer, day, and whether it opened an alert; same lengths."""

    customer: Whole
    day: Days
    opened: NDArray[np.bool_]

    @classmethod
    def of(cls, decisions: NDArray[np.void], epoch: float) -> "Said":
        """Of the engine's decisions, those that speak of a risk."""
        speaks = np.isin(decisions["status"], (Status.OPENED, Status.UPDATED))
        rows = decisions[speaks]
        days = (rows["time"] - epoch) / 86_400.0
        return cls(rows["row"].astype(np.int64), days, rows["status"] == Status.OPENED)


class Truth(NamedTuple):
    """Day of each customer's onset (inf: none), and the days that are looked at."""

    onset: Days
    begin: float
    end: float
    follow: float  # who has less time than that after the onset is left out

    @property
    def drifted(self) -> NDArray[np.bool_]:
        """Whose onset lies in time."""
        return (self.onset >= self.begin) & (self.onset + self.follow <= self.end)

    @property
    def living_days(self) -> Days:
        """Days of each customer before the onset."""
        return np.maximum(np.minimum(self.onset, self.end) - self.begin, 0.0)


class OnsetTally(NamedTuple):
    """[customers, settings], the knob rising with fewer false alerts."""

    false: Days
    delay: Days  # inf: not found; of who did not drift, nothing


def score(said: list[Said], truth: Truth) -> OnsetTally:
    """One entry of `said` a setting of the knob."""
    shape = (truth.onset.size, len(said))
    false, delay = np.zeros(shape), np.full(shape, np.inf)
    for setting, (customer, day, opened) in enumerate(said):
        since = day - truth.onset[customer]
        wrong = opened & (since < 0.0) & (day >= truth.begin) & (day <= truth.end)
        np.add.at(false[:, setting], customer[wrong], 1.0)
        right = (since >= 0.0) & (day <= truth.end)
        np.minimum.at(delay[:, setting], customer[right], since[right])
    return OnsetTally(false, delay)


class OnsetsAtBudget(NamedTuple):
    """[draws]; NaN where no setting meets the budget."""

    setting: Days  # between which settings of the knob
    median_days: Days
    found_ratio: Days


def onsets_at_budget(
    tally: OnsetTally,
    truth: Truth,
    budget: float,
    weights: Days,
    within_days: float = 60.0,
    among: NDArray[np.bool_] | None = None,
) -> OnsetsAtBudget:
    """Median delay and share found in time, of those who drifted (of a kind: `among`)."""
    rates = (weights @ tally.false) / (weights @ truth.living_days / DAYS_A_YEAR)[:, None]
    place = first_at_most(rates, budget)
    mine = truth.drifted if among is None else truth.drifted & among
    delay, drawn = tally.delay[mine], weights[:, mine]
    settings = np.arange(rates.shape[1], dtype=np.float64)
    medians = np.stack([weighted_median(delay[:, i], drawn) for i in range(settings.size)], axis=1)
    found = (drawn @ (delay <= within_days)) / drawn.sum(1)[:, None]
    return OnsetsAtBudget(
        place.between(np.broadcast_to(settings, rates.shape)),
        place.between(medians),
        place.between(found),
    )


def weighted_median(values: Days, weights: Days) -> Days:
    """The least value that half of the weight does not exceed; [draws]."""
    order = np.argsort(values)
    reached = np.cumsum(weights[:, order], axis=1)
    where = np.argmax(reached >= 0.5 * reached[:, -1:], axis=1)
    return np.asarray(values[order][where])
