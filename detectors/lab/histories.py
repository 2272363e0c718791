"""Purchases of many customers by day, and the gaps that detectors are held against.

Days are counted from the set's first day, whole where the set knows no hours. **Whoever fits
something is given `histories.before(day)`**, which does not hold what came later: what is not there
cannot be looked at.
"""

from bisect import insort
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.float64]
Whole = NDArray[np.int64]


class Summaries(NamedTuple):
    """What a buy-till-you-die model knows of each customer, as of one day; days."""

    customer: Whole
    frequency: Days  # x: repeat purchases
    recency: Days  # t_x: first to last purchase (the BTYD sense)
    tenure: Days  # T: first purchase to that day
    log_gap_sum: Days  # sum of ln gap over the closed gaps


@dataclass(frozen=True, slots=True)
class Histories:
    """Purchases sorted by (customer, day), at most one at a time; `of` makes it so.

    customer: int64[n], 0 to `customers` - 1, some of them perhaps without a purchase; day:
    float64[n]; end: the last day that the set has seen, in days too; epoch: day 0 in seconds since
    the epoch; amount: float64[n] what was paid, NaN where nobody knows.
    """

    customer: Whole
    day: Days
    customers: int
    end: float
    epoch: float
    amount: Days

    @classmethod
    def of(
        cls,
        customer: Whole,
        day: Days,
        end: float | None = None,
        epoch: float = 0.0,
        amount: Days | None = None,
    ) -> "Histories":
        """Any customer codes in any order; purchases of a customer at the same time are one."""
        codes, customers = np.unique(customer, return_inverse=True)
        order = np.lexsort((day, customers))
        who, when = customers[order].astype(np.int64), np.asarray(day, np.float64)[order]
        new = np.ones(who.size, bool)
        new[1:] = (np.diff(who) != 0) | (np.diff(when) > 0.0)
        last = float(when.max()) if end is None else end
        paid = np.full(who.size, np.nan) if amount is None else np.asarray(amount)[order]
        paid = np.add.reduceat(paid, np.flatnonzero(new)) if who.size else paid
        return cls(who[new], when[new], codes.size, last, epoch, paid)

    def before(self, day: float) -> "Histories":
        """The purchases before `day`, and nothing else."""
        early = self.day < day
        return replace(
            self,
            customer=self.customer[early],
            day=self.day[early],
            end=min(self.end, day),
            amount=self.amount[early],
        )

    def until(self, day: float) -> "Histories":
        """The purchases up to and with `day`."""
        return self.before(float(np.nextafter(day, np.inf)))

    def every(self, nth: int) -> "Histories":
        """The purchases of every nth customer, the first included."""
        mine = self.customer % nth == 0
        return Histories.of(
            self.customer[mine], self.day[mine], self.end, self.epoch, self.amount[mine]
        )

    @property
    def first(self) -> Whole:
        """For each purchase, the index of its customer's first one."""
        index = np.arange(self.day.size)
        new = np.ones(self.day.size, bool)
        new[1:] = np.diff(self.customer) != 0
        return np.maximum.accumulate(np.where(new, index, 0))

    @property
    def gaps(self) -> Days:
        """Days from each purchase to the next one of the customer; inf after the last."""
        gaps = np.full(self.day.size, np.inf)
        same = np.flatnonzero(np.diff(self.customer) == 0)
        gaps[same] = self.day[same + 1] - self.day[same]
        return gaps

    def summaries(self, now: float | None = None) -> Summaries:
        """Of the customers who have bought, as of `now` (default: the end)."""
        at = self.end if now is None else now
        known = self if now is None else self.until(now)
        customer, begins, counts = np.unique(known.customer, return_index=True, return_counts=True)
        first, last = known.day[begins], known.day[begins + counts - 1]
        gaps = known.gaps
        logs = np.where(np.isfinite(gaps), np.log(np.where(np.isfinite(gaps), gaps, 1.0)), 0.0)
        sums = np.add.reduceat(logs, begins) if begins.size else logs
        repeats = (counts - 1).astype(np.float64)
        return Summaries(customer, repeats, last - first, at - first, sums)


class Episodes(NamedTuple):
    """One silence each: it begins with a purchase, and ends with the next one or never.

    All arrays have the same length; days. `lost` says that no purchase followed until the end of
    the set; `gap` is inf then.
    """

    customer: Whole
    purchase: Whole  # index into the histories
    start: Days
    gap: Days
    lost: NDArray[np.bool_]
    first: Days  # day of the customer's first purchase
    frequency: Days  # prior gaps
    mean: Days  # of the customer's own prior gaps
    median: Days
    q90: Days

    def take(self, which: NDArray[np.bool_]) -> "Episodes":
        """Some of them."""
        return Episodes._make(column[which] for column in self)


def episodes(histories: Histories, begin: float, end: float, prior_gaps: int = 2) -> Episodes:
    """The gaps after every purchase in [begin, end] that has at least so many gaps before it.

    Args:
        begin: parameters may be fitted to what lies before it.
        end: so long before the end of the set that who has not come back by then has left.
    """
    first = histories.first
    frequency = np.arange(first.size) - first
    day, gaps = histories.day, histories.gaps
    index = np.flatnonzero((frequency >= prior_gaps) & (day >= begin) & (day <= end))
    own = own_gaps(histories)[index]
    start, began = day[index], day[first[index]]
    mean = (start - began) / np.maximum(frequency[index], 1)
    return Episodes(
        histories.customer[index], index, start, gaps[index], np.isinf(gaps[index]), began,
        frequency[index].astype(np.float64), mean, own[:, 0], own[:, 1],
    )  # fmt: skip


def own_gaps(histories: Histories) -> Days:
    """Median and 0.9 quantile of the customer's gaps before each purchase: [n, 2]; NaN without."""
    out = np.full((histories.day.size, 2), np.nan)
    days, customers = histories.day.tolist(), histories.customer.tolist()
    known: list[float] = []
    for i in range(1, len(days)):
        if customers[i] != customers[i - 1]:
            known = []
            continue
        insort(known, days[i] - days[i - 1])
        out[i] = _between(known, 0.5), _between(known, 0.9)
    return out


def _between(ordered: list[float], share: float) -> float:
    """A quantile, linear between order statistics (numpy's default)."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
