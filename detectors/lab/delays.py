"""Detectors side by side on one set: the delay of each at the same budget of false alerts."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from detectors.lab.baselines import PurchaseModel
from detectors.lab.engine_rows import rows_after, silences
from detectors.lab.evaluate import AtBudget, at_budget, draws, false_alarm_rates, tally
from detectors.lab.histories import Days, Episodes, episodes
from detectors.lab.trial import Trial
from detectors.profile import Profile

DRAWS = 300  # of customers, for the intervals

#: Settings of the knobs: far enough for any budget, 4 to 8 % apart.
COSTS = np.geomspace(0.02, 2000.0, 160)  # days of delay that a false alert is worth
FACTORS = np.geomspace(0.3, 60.0, 120)
LOG_ODDS = np.linspace(-9.0, 9.0, 160)


class Detector(NamedTuple):
    """Days of silence after which it alerts, for each setting of its knob: [episodes, knob]."""

    key: str
    title: str
    knob: Days
    silences: Days


class Curve(NamedTuple):
    """Delay against false alerts over the settings of a knob."""

    false_a_year: Days
    delay_days: Days


class Delayed(NamedTuple):
    """One detector at the budget; its key is a part of its figures' names, "" is offbeat's."""

    key: str
    title: str
    at: AtBudget
    curve: Curve


def judged(trial: Trial) -> Episodes:
    """The silences that are looked at: from T0 on, L before the end at the latest."""
    return episodes(trial.histories, trial.begin, trial.histories.end - trial.longest)


def delays(
    trial: Trial, profile: Profile, models: tuple[PurchaseModel, ...], budget: float
) -> Iterator[Delayed]:
    """Every detector at the budget (false alerts a living customer-year), one after the other.

    Where a set knows days and no hours, a silence of s days is decided on at the end of its day
    [s], so all silences are rounded down, whoever says them.
    """
    found = judged(trial)
    weights = draws(np.unique(found.customer).size, DRAWS)
    for detector in every_detector(trial, found, profile, models):
        said = np.floor(detector.silences) if trial.whole_days else detector.silences
        counted = tally(found, detector.knob, said, trial.longest)
        rates = false_alarm_rates(counted, weights[:1])[0]
        delay = counted.delay_days.sum(0) / max(counted.lost.sum(), 1.0)
        result = at_budget(counted, budget, weights)
        yield Delayed(detector.key, detector.title, result, Curve(rates, delay))


def every_detector(
    trial: Trial, found: Episodes, profile: Profile, models: tuple[PurchaseModel, ...]
) -> Iterator[Detector]:
    """offbeat, the rules, the models (BG/NBD first): `DETECTORS` of them."""
    rows = rows_after(trial.histories, found.purchase, profile)
    yield Detector("", "offbeat", COSTS, silences(rows, profile, COSTS))
    days = np.arange(1.0, 2.0 * trial.longest)
    fixed = np.broadcast_to(days, (found.start.size, days.size))
    yield Detector("fixed", "fixed days, tuned", days, fixed)
    own = {"own_mean": found.mean, "own_median": found.median, "own_q90": found.q90}
    for key, gaps in own.items():
        title = f"k × own {key.removeprefix('own_')}"
        yield Detector(key, title, FACTORS, gaps[:, None] * FACTORS)
    since = found.start - found.first
    for key, model in zip(("bgnbd_alive", "mbgcnbd_alive"), models, strict=True):
        reached = model.silence_reaching(found.frequency, since, LOG_ODDS)
        yield Detector(key, f"{named(model)} P(alive)", LOG_ODDS, reached)
    doubted = models[0].silence_doubting(found.frequency, since, trial.horizon, LOG_ODDS)
    yield Detector("bgnbd_none", "BG/NBD P(no purchase)", LOG_ODDS, doubted)


DETECTORS = 8


def named(model: PurchaseModel) -> str:
    """As the literature calls it."""
    return f"MBG/CNBD-{model.k}" if model.modified else "BG/NBD"
