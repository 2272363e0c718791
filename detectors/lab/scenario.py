"""Who is simulated: each customer's healthy habits, vacations, and the drift that befalls them.

One row a customer, drawn once from a seed. `simulate` turns the rows into events; the part of a row
that says what drifted and when is the truth that detectors are held against.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, log

import numpy as np
from numpy.typing import NDArray

DAY = 86_400.0
NEVER = np.inf
HEALTHY = 255  # `kind` of a customer whom nothing befalls


class Drift(StrEnum):
    """What befalls a customer. The ids are permanent: figures and truth files name them."""

    ABRUPT_STOP = "abrupt_stop"  # everything ends at the onset, without a word
    SLOW_DOWN = "slow_down"  # gaps between purchases and visits are four times as long
    SPEND_DECLINE = "spend_decline"  # amounts fall to a third within 60 days, the beat stays
    VISITS_FIRST = "visits_first"  # visits end at the onset, purchases only later
    PAYMENT_TROUBLE = "payment_trouble"  # four payments in five are late or fail
    COMPLAINTS = "complaints"  # a contact with support every eight days, most of them complaints
    NO_SHOWS = "no_shows"  # more than half of the bookings are not kept


DRIFTS = tuple(Drift)

#: Median days from the onset to the last purchase. An early sign is worth something only if the
#: customer does leave, and some time later; each one's own lead is log-normal around it (±30 %).
LEAD_DAYS = {
    Drift.ABRUPT_STOP: 0.0,
    Drift.SLOW_DOWN: 120.0,
    Drift.SPEND_DECLINE: 90.0,
    Drift.VISITS_FIRST: 45.0,
    Drift.PAYMENT_TROUBLE: 75.0,
    Drift.COMPLAINTS: 45.0,
    Drift.NO_SHOWS: 60.0,
}

CUSTOMERS = np.dtype(
    [
        ("joined", "f8"),  # first event is possible, seconds
        ("gap_mean", "f8"),  # mean of ln(gap in days) between purchases
        ("gap_sd", "f8"),  # its standard deviation
        ("visit_gap_mean", "f8"),  # mean of ln(gap in days) between visits
        ("amount_mean", "f8"),  # mean of ln(amount)
        ("fee", "f8"),  # of the monthly payment
        ("first_due", "f8"),  # of the monthly payment, seconds; inf: no subscription
        ("support_rate", "f8"),  # contacts a day
        ("books", "?"),  # comes by booking (attended, no_show …), not by session
        ("kind", "u1"),  # index into DRIFTS, or HEALTHY
        ("onset", "f8"),  # of the drift, seconds; inf: none
        ("left", "f8"),  # nothing is bought after it, seconds; inf: stays
        ("away_from", "f8", (3,)),  # vacations, seconds; inf: none
        ("away_to", "f8", (3,)),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How many customers, for how long, and how many of them drift.

    Args:
        customers: how many, at least 1.
        days: length of the simulated time, more than 0.
        seed: the same seed (and the same other arguments) gives the same events.
        start: seconds since the epoch, UTC. Default: 2025-01-01.
        drifting: share of the customers that drift, 0 to 1; the kinds take turns.
        vacations: chance of each of three vacations a customer within the time (a year at least):
            10 to 35 days without purchases, visits or support; payments go on. The distractors.
        drifts: the kinds that happen.
        silent: customers (by index) that stop abruptly at 60 % of the time, also when `drifting`
            is 0.

    Raises:
        ValueError: an argument is out of its range; the message names it.
    """

    customers: int = 1000
    days: float = 365.0
    seed: int = 0
    start: float = 1_735_689_600.0
    drifting: float = 0.2
    vacations: float = 0.3
    drifts: tuple[Drift, ...] = DRIFTS
    silent: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.customers < 1:
            raise ValueError(f"customers must be at least 1, got {self.customers}")
        if not (isfinite(self.days) and self.days > 0):
            raise ValueError(f"days must be a finite number above 0, got {self.days}")
        if not isfinite(self.start):
            raise ValueError(f"start must be finite seconds since the epoch, got {self.start}")
        for name in ("drifting", "vacations"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        if not self.drifts:
            raise ValueError("drifts must name at least one kind of drift")
        for index in self.silent:
            if not 0 <= index < self.customers:
                raise ValueError(f"silent must be below customers={self.customers}, got {index}")

    @property
    def end(self) -> float:
        """The first moment after the simulated time, seconds since the epoch."""
        return self.start + self.days * DAY


def draw(scenario: Scenario, rng: np.random.Generator) -> NDArray[np.void]:
    """Draw every customer of the scenario: an array of CUSTOMERS."""
    n, start, length = scenario.customers, scenario.start, scenario.days * DAY
    rows = np.zeros(n, CUSTOMERS)
    # half of them are customers from the start, the others join during the first 30 % of the time
    rows["joined"] = start + np.maximum(0.0, rng.uniform(-0.3, 0.3, n)) * length
    rows["gap_mean"] = rng.normal(log(12.0), 0.6, n)
    rows["gap_sd"] = rng.uniform(0.25, 0.65, n)
    rows["visit_gap_mean"] = rows["gap_mean"] - log(2.5) + rng.normal(0.0, 0.3, n)
    rows["amount_mean"] = rng.normal(log(45.0), 0.7, n)
    rows["fee"] = rng.choice((9.9, 14.9, 29.9, 49.0), n)
    rows["first_due"] = rows["joined"] + rng.uniform(1.0, 30.0, n) * DAY
    subscribes = rng.random(n) < 0.5
    rows["support_rate"] = rng.gamma(2.0, 0.45, n) / 365.0
    rows["books"] = rng.random(n) < 0.4
    _draw_drift(rows, scenario, rng)
    kind = rows["kind"]
    rows["books"] |= kind == DRIFTS.index(Drift.NO_SHOWS)
    subscribes |= kind == DRIFTS.index(Drift.PAYMENT_TROUBLE)
    rows["first_due"][~subscribes] = NEVER
    _draw_vacations(rows, scenario, rng)
    return rows


def _draw_drift(rows: NDArray[np.void], scenario: Scenario, rng: np.random.Generator) -> None:
    n, length = scenario.customers, scenario.days * DAY
    drifts = rng.permutation(n)[: round(scenario.drifting * n)]
    rows["kind"], rows["onset"], rows["left"] = HEALTHY, NEVER, NEVER
    codes = np.array([DRIFTS.index(kind) for kind in scenario.drifts])
    kinds = codes[np.arange(drifts.size) % codes.size]
    onsets = scenario.start + rng.uniform(0.4, 0.9, drifts.size) * length
    leads = np.array([LEAD_DAYS[kind] for kind in DRIFTS])[kinds]
    rows["kind"][drifts], rows["onset"][drifts] = kinds, onsets
    rows["left"][drifts] = onsets + leads * np.exp(rng.normal(0.0, 0.3, drifts.size)) * DAY
    silent = list(scenario.silent)
    rows["kind"][silent] = DRIFTS.index(Drift.ABRUPT_STOP)
    rows["onset"][silent] = rows["left"][silent] = scenario.start + 0.6 * length


def _draw_vacations(rows: NDArray[np.void], scenario: Scenario, rng: np.random.Generator) -> None:
    shape = rows["away_from"].shape
    begins = scenario.start + rng.uniform(0.0, max(scenario.days, 365.0), shape) * DAY
    lasts = rng.uniform(10.0, 35.0, shape) * DAY
    taken = rng.random(shape) < scenario.vacations
    rows["away_from"] = np.where(taken, begins, NEVER)
    rows["away_to"] = np.where(taken, begins + lasts, NEVER)
