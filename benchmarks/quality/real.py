"""A real set: delay at one false alert a living customer-year, and the order of who comes back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.profiles import profile_for
from benchmarks.quality.report import Curve, Delayed, Ranked, Report
from detectors.lab.baselines import PurchaseModel, fit_bgnbd, fit_mbgcnbd
from detectors.lab.engine_rows import EngineRun, chances, rows_after, silences
from detectors.lab.evaluate import at_budget, draws, false_alarm_rates, tally
from detectors.lab.histories import Days, Episodes, Histories, Summaries, episodes
from detectors.lab.ranking import auc, calibration, cross_fitted, log_loss
from detectors.profile import Profile

BUDGET = 1.0  # false alerts a living customer-year
DRAWS = 300  # of customers, for the intervals
LEAST_REPEATS = 2.0  # who is ranked

#: Settings of the knobs: far enough for any budget, 4 to 8 % apart.
COSTS = np.geomspace(0.02, 2000.0, 160)  # days of delay that a false alert is worth
FACTORS = np.geomspace(0.3, 60.0, 120)
LOG_ODDS = np.linspace(-9.0, 9.0, 160)


@dataclass(frozen=True, slots=True)
class RealSet:
    """A set and the days that evaluate it.

    begin: T0, parameters are fitted to what lies before it; longest: L, the last episode begins so
    long before the end, and no delay counts for more; soon: within so many days alerts expect a
    purchase; horizon: H of P(no purchase in H), asked at the end of each of `cutoffs`.
    """

    key: str
    title: str
    histories: Histories
    begin: float
    longest: float
    soon: float
    horizon: float
    cutoffs: tuple[float, ...]


class Detector(NamedTuple):
    """Days of silence after which it alerts, for each setting of its knob: [episodes, knob]."""

    key: str
    title: str
    knob: Days
    silences: Days


def evaluate(real: RealSet, report: Report) -> None:
    """Both, into the report."""
    early = real.histories.before(real.begin)
    profile, origin = profile_for(early, real.soon)
    known = early.summaries()
    models = fit_bgnbd(known), fit_mbgcnbd(known)
    delayed = delays(real, profile, models)
    report.delays(real.key, f"{real.title}: delay at {BUDGET:g} false alert a living year", delayed)
    ranked, bins = ranking(real, profile, models)
    report.ranks(real.key, f"{real.title}: P(no purchase in {real.horizon:g} days)", ranked)
    report.calibration(real.key, real.title, bins)
    cutoffs = ", ".join(f"{day:g}" for day in real.cutoffs)
    report.note(
        f"{real.title}: {early.customers:,} customers; fitted to {early.day.size:,} purchases "
        f"before day {real.begin:g} ({origin}); cut-offs {cutoffs}; "
        f"intervals: {DRAWS} draws of customers"
    )


def delays(real: RealSet, profile: Profile, models: tuple[PurchaseModel, ...]) -> list[Delayed]:
    """Every detector at the budget.

    The sets know days, no hours: a silence of s days is decided on at the end of its day [s], so
    all silences are rounded down, whoever says them.
    """
    found = episodes(real.histories, real.begin, real.histories.end - real.longest)
    weights = draws(np.unique(found.customer).size, DRAWS)
    lines = []
    for detector in every_detector(real, found, profile, models):
        whole = np.floor(detector.silences)
        counted = tally(found, detector.knob, whole, real.longest)
        rates = false_alarm_rates(counted, weights[:1])[0]
        delay = counted.delay_days.sum(0) / counted.lost.sum()
        result = at_budget(counted, BUDGET, weights)
        lines.append(Delayed(detector.key, detector.title, result, Curve(rates, delay)))
    return lines


def every_detector(
    real: RealSet, found: Episodes, profile: Profile, models: tuple[PurchaseModel, ...]
) -> Iterator[Detector]:
    """offbeat, the rules, the models."""
    rows = rows_after(real.histories, found.purchase, profile)
    yield Detector("", "offbeat", COSTS, silences(rows, profile, COSTS))
    days = np.arange(1.0, 2.0 * real.longest)
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
    doubted = models[0].silence_doubting(found.frequency, since, real.horizon, LOG_ODDS)
    yield Detector("bgnbd_none", "BG/NBD P(no purchase)", LOG_ODDS, doubted)


def named(model: PurchaseModel) -> str:
    """As the literature calls it."""
    return f"MBG/CNBD-{model.k}" if model.modified else "BG/NBD"


class Question(NamedTuple):
    """A cut-off: whom it asks about, and who bought nothing within the horizon."""

    day: float
    known: Summaries
    gone: NDArray[np.bool_]


def questions(real: RealSet) -> Iterator[Question]:
    """One a cut-off: about everybody with repeats enough."""
    histories = real.histories
    for day in real.cutoffs:
        known = histories.summaries(day)
        repeats = known.frequency >= LEAST_REPEATS
        known = Summaries._make(column[repeats] for column in known)
        ahead = (histories.day > day) & (histories.day <= day + real.horizon)
        bought = np.zeros(histories.customers, bool)
        bought[histories.customer[ahead]] = True
        yield Question(day, known, ~bought[known.customer])


def ranking(
    real: RealSet, profile: Profile, models: tuple[PurchaseModel, ...]
) -> tuple[list[Ranked], list[tuple[float, float]]]:
    """Mean over the cut-offs of AUC and log-loss; offbeat's calibration over all of them."""
    weights = draws(real.histories.customers, DRAWS)
    asked = list(questions(real))
    said: dict[str, list[Days]] = {}
    for one, own in zip(asked, engine_chances(real, asked, profile), strict=True):
        for key, chance in all_chances(real, one, own, models):
            said.setdefault(key, []).append(chance)
    lines = []
    for key, each in said.items():
        pairs = list(zip(each, asked, strict=True))
        aucs = [auc(c, a.gone, weights[:, a.known.customer]) for c, a in pairs]
        losses = [log_loss(c, a.gone, weights[:, a.known.customer]) for c, a in pairs]
        honest = key not in UNCALIBRATED
        loss = np.mean(losses, axis=0) if honest else None
        lines.append(Ranked(key, TITLES[key], np.mean(aucs, axis=0), loss))
    bins = calibration(np.concatenate(said[""]), np.concatenate([a.gone for a in asked]), 20)
    return lines, [(one.said, one.seen) for one in bins]


TITLES = {
    "": "offbeat",
    "bgnbd": "BG/NBD, refitted at each cut-off",
    "bgnbd_once": "BG/NBD, fitted before T0",
    "mbgcnbd_once": "MBG/CNBD-k, fitted before T0",
    "bgnbd_alive": "BG/NBD P(alive), refitted",
    "recency": "days since the last purchase",
    "own_median": "the same / own median gap",
}
UNCALIBRATED = {"bgnbd_alive"}  # a chance of something else


def engine_chances(real: RealSet, asked: list[Question], profile: Profile) -> Iterator[Days]:
    """offbeat's chances, cut-off after cut-off, in one pass of the purchases."""
    asking = replace(profile, horizon_days=real.horizon)
    run = EngineRun(real.histories, asking)
    for one in asked:
        for _ in run.until(one.day):
            pass
        yield chances(run.state.rows[one.known.customer], float(run.seconds(one.day)), asking)


def all_chances(
    real: RealSet, one: Question, own: Days, models: tuple[PurchaseModel, ...]
) -> Iterator[tuple[str, Days]]:
    """Every way to tell who comes back, by the key of TITLES; `own` are offbeat's."""
    yield "", own
    refitted = fit_bgnbd(real.histories.until(one.day).summaries(one.day))
    yield "bgnbd", refitted.p_no_purchase(one.known, real.horizon)
    yield "bgnbd_once", models[0].p_no_purchase(one.known, real.horizon)
    yield "mbgcnbd_once", models[1].p_no_purchase(one.known, real.horizon)
    yield "bgnbd_alive", 1.0 / (1.0 + np.exp(-refitted.left_log_odds(one.known)))
    silence = one.known.tenure - one.known.recency
    recency = np.log1p(silence)
    yield "recency", cross_fitted(recency, one.gone, one.known.customer)
    usual = _medians(real.histories.until(one.day), one.known)
    yield (
        "own_median",
        cross_fitted(np.log1p(silence) - np.log(usual), one.gone, one.known.customer),
    )


def _medians(known: Histories, asked: Summaries) -> Days:
    last = episodes(known, -np.inf, np.inf, prior_gaps=int(LEAST_REPEATS))
    medians = np.full(known.customers, np.nan)
    medians[last.customer] = last.median  # the last one of each customer counts
    return medians[asked.customer]
