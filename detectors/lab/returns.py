"""Who comes back: P(no purchase in H), asked at cut-offs of offbeat and of everything beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.lab.baselines import PurchaseModel, fit_bgnbd
from detectors.lab.engine_rows import EngineRun, chances, snapshots
from detectors.lab.evaluate import draws
from detectors.lab.histories import Days, Histories, Summaries, episodes
from detectors.lab.ranking import auc, calibration, cross_fitted, log_loss
from detectors.lab.trial import Trial
from detectors.learning.model import ChurnModel, Label
from detectors.learning.names import FEATURES
from detectors.learning.scorer import Scorer
from detectors.profile import Profile

LEAST_REPEATS = 2.0  # who is ranked
READY_LABELS = 1000  # labels learnt before the model speaks: the default of a worker


class Question(NamedTuple):
    """A cut-off: whom it asks about, and who bought nothing within the horizon."""

    day: float
    known: Summaries
    gone: NDArray[np.bool_]


class Answer(NamedTuple):
    """A question, and the chances that each way gives: by the key of TITLES."""

    question: Question
    chances: Mapping[str, Days]


class Ranked(NamedTuple):
    """AUC and log-loss of one way to tell who comes back; [draws]. None: not a chance."""

    key: str
    title: str
    auc: Days
    log_loss: Days | None


TITLES = {
    "": "offbeat",
    "static": "offbeat, without the online model",
    "bgnbd": "BG/NBD, refitted at each cut-off",
    "bgnbd_once": "BG/NBD, fitted before T0",
    "mbgcnbd_once": "MBG/CNBD-k, fitted before T0",
    "bgnbd_alive": "BG/NBD P(alive), refitted",
    "recency": "days since the last purchase",
    "own_median": "the same / own median gap",
}
UNCALIBRATED = {"bgnbd_alive"}  # a chance of something else


def questions(trial: Trial) -> Iterator[Question]:
    """One a cut-off: about everybody with repeats enough."""
    histories = trial.histories
    for day in trial.cutoffs:
        known = histories.summaries(day)
        repeats = known.frequency >= LEAST_REPEATS
        known = Summaries._make(column[repeats] for column in known)
        ahead = (histories.day > day) & (histories.day <= day + trial.horizon)
        bought = np.zeros(histories.customers, bool)
        bought[histories.customer[ahead]] = True
        yield Question(day, known, ~bought[known.customer])


def answers(trial: Trial, profile: Profile, models: tuple[PurchaseModel, ...]) -> Iterator[Answer]:
    """What every way says at each cut-off, one cut-off after the other."""
    asked = list(questions(trial))
    for one, own in zip(asked, engine_chances(trial, asked, profile), strict=True):
        yield Answer(one, dict(all_chances(trial, one, own, models)))


class Own(NamedTuple):
    """offbeat's chances: as an alert would carry them, and without the online model."""

    learnt: Days
    static: Days


def engine_chances(trial: Trial, asked: list[Question], profile: Profile) -> Iterator[Own]:
    """offbeat's chances, cut-off after cut-off, in one pass of the purchases.

    The online model learns every label when it falls due, as a worker's does, so what it says at a
    cut-off it has learnt from outcomes that were known by then.
    """
    asking = replace(profile, horizon_days=trial.horizon)
    run = EngineRun(trial.histories, asking)
    model = ChurnModel(FEATURES)
    for one in asked:
        for _ in run.until(one.day):
            pass
        due = run.labels(one.day)
        fields = (due[name].tolist() for name in ("features", "outcome", "static_logit"))
        model.learn_all(list(map(Label, *fields)))
        now = float(run.seconds(one.day))
        rows = run.state.rows[one.known.customer]
        static = learnt = chances(rows, now, asking)
        weights = model.to_weights()
        if weights.ready(READY_LABELS):
            scores = Scorer(weights, "trial").score_all(snapshots(rows, now, asking))
            learnt = np.array([score.probability for score in scores])
        yield Own(learnt, static)


def all_chances(
    trial: Trial, one: Question, own: Own, models: tuple[PurchaseModel, ...]
) -> Iterator[tuple[str, Days]]:
    """Every way to tell who comes back, by the key of TITLES; `own` are offbeat's."""
    yield "", own.learnt
    yield "static", own.static
    refitted = fit_bgnbd(trial.histories.until(one.day).summaries(one.day))
    yield "bgnbd", refitted.p_no_purchase(one.known, trial.horizon)
    yield "bgnbd_once", models[0].p_no_purchase(one.known, trial.horizon)
    yield "mbgcnbd_once", models[1].p_no_purchase(one.known, trial.horizon)
    yield "bgnbd_alive", 1.0 / (1.0 + np.exp(-refitted.left_log_odds(one.known)))
    silence = one.known.tenure - one.known.recency
    recency = np.log1p(silence)
    yield "recency", cross_fitted(recency, one.gone, one.known.customer)
    usual = _medians(trial.histories.until(one.day), one.known)
    yield (
        "own_median",
        cross_fitted(np.log1p(silence) - np.log(usual), one.gone, one.known.customer),
    )


def ranked(trial: Trial, given: Sequence[Answer], count: int) -> list[Ranked]:
    """Mean over the cut-offs of AUC and log-loss, over `count` draws of customers."""
    weights = draws(trial.histories.customers, count)
    lines = []
    for key, title in TITLES.items():
        pairs = [(answer.chances[key], answer.question) for answer in given]
        aucs = [auc(c, q.gone, weights[:, q.known.customer]) for c, q in pairs]
        losses = [log_loss(c, q.gone, weights[:, q.known.customer]) for c, q in pairs]
        loss = None if key in UNCALIBRATED else np.mean(losses, axis=0)
        lines.append(Ranked(key, title, np.mean(aucs, axis=0), loss))
    return lines


def calibrated(given: Sequence[Answer]) -> list[tuple[float, float]]:
    """offbeat's chances over all cut-offs in 20 bins: what was said, what was seen."""
    said = np.concatenate([answer.chances[""] for answer in given])
    gone = np.concatenate([answer.question.gone for answer in given])
    return [(one.said, one.seen) for one in calibration(said, gone, 20)]


def _medians(known: Histories, asked: Summaries) -> Days:
    last = episodes(known, -np.inf, np.inf, prior_gaps=int(LEAST_REPEATS))
    medians = np.full(known.customers, np.nan)
    medians[last.customer] = last.median  # the last one of each customer counts
    return medians[asked.customer]
