"""The best that purchases alone allow: the law of each simulated customer's gaps, known.

A gap is log-normal; a purchase that would fall into a vacation comes after it. With f0, F0 the
log-normal's density and distribution, vacations beginning at the rate v a day and lasting l,

    S(s) = 1 - F0(s) + v int_0^s f0(u) E[(u - max(0, s - l))^+] du

where the second term is who would have come by now and is away (one vacation a gap; the day or so
until the purchase after it is a part of l). An alert at the silence s is false with the chance
S(s), and late by s if the customer left with the last purchase, so the best one minimises

    S(s) + level s          when delay counts in own gaps (leaving is as likely on any day)
    S(s) + level s mean     when it counts in days

and `level` is the knob. When a vacation begins the oracle does not know, nor who leaves.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from detectors.lab.histories import Days
from detectors.lab.scenario import Scenario

SILENCES = np.geomspace(0.3, 400.0, 360)  # 2 % apart
AWAY_DAYS = np.linspace(10.0, 35.0, 51) + 1.0  # as `scenario` draws them, and a day to come back


class Oracle:
    """Knows gap_mean and gap_sd of each of these CUSTOMERS, and how often they are away."""

    def __init__(self, scenario: Scenario, customers: NDArray[np.void]) -> None:
        a_day = 3.0 * scenario.vacations / max(scenario.days, 365.0)
        z = (np.log(SILENCES)[:, None] - customers["gap_mean"]) / customers["gap_sd"]
        come = ndtr(z)
        due = np.diff(come, axis=0, prepend=0.0)
        since = np.maximum(SILENCES[:, None] - AWAY_DAYS, 0.0)  # it began after that, if it lasts
        room = np.maximum(SILENCES[None, :, None] - since[:, None, :], 0.0).mean(axis=2)
        away = a_day * (np.tril(room) @ due)
        self.survival: Days = np.clip(1.0 - come + away, 0.0, 1.0).T  # [customers, SILENCES]
        self.mean_gap: Days = np.exp(customers["gap_mean"] + 0.5 * customers["gap_sd"] ** 2)

    def silences(self, levels: Days, *, in_days: bool = False) -> Days:
        """Days after which to alert: [customers, levels]."""
        price = self.mean_gap[:, None] * SILENCES if in_days else SILENCES
        best = [np.argmin(self.survival + level * price, axis=1) for level in levels]
        return np.asarray(SILENCES[np.stack(best, axis=1)])
