"""`offbeat backtest`: offbeat and simple rules on a history of the user's own; two profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli import options, tuning
from streams.errors import InputError

if TYPE_CHECKING:
    from detectors.lab.baselines import PurchaseModel
    from detectors.lab.trial import Trial
    from detectors.profile import Profile
    from streams.backtest.history import History
    from streams.backtest.report import Report

_SPLIT = 1 / 3  # of the time, if nobody names a day: then there is time to learn, and to judge
_CUTOFFS = 4


def command(
    file: tuning.File,
    profile: options.ProfileFile = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Day, 2025-01-31 (UTC): what is fitted is fitted to what lies before, and judged "
            "by what comes from then on. Default: a third of the time."
        ),
    ] = None,
    budget: Annotated[
        float,
        typer.Option(
            "--false-alerts-per-customer-year",
            help="Every rule makes so many false alerts a year of a living customer.",
        ),
    ] = 1.0,
    horizon: Annotated[
        float | None,
        typer.Option(
            "--horizon-days",
            help="H of P(no purchase in H), and the longest delay that counts. Default: the "
            "profile's horizon_days.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--customers", min=2, help="At most so many, evenly picked.")
    ] = 20_000,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="A.toml B.toml", help="Instead: which alerts B gains and loses against A."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for plots and lists.")] = Path("build/backtest"),
    config: options.Config = None,
) -> None:
    """Hold offbeat against fixed days, multiples of own gaps and BG/NBD, on your own purchases.

    All make equally many false alerts; what counts is how soon they find who never came back, and
    how well they tell who will not. Without --profile the population is fitted to what lies before
    the split. With --compare two profiles run over all events, and their alerts are set side by
    side.
    """
    from rich.console import Console

    from detectors.lab.baselines import fit_bgnbd, fit_mbgcnbd
    from streams.backtest.report import Report
    from streams.cli.progress import progress
    from streams.figures import write_figures

    console = Console(highlight=False)
    tuning.positive(budget, "--false-alerts-per-customer-year")
    if compare is not None:
        from streams.cli.compare import compare_profiles

        before, after = (tuning.starting(config, path).profile for path in compare)
        compare_profiles(tuning.read(file), compare, (before, after), out, console)
        return
    start = tuning.starting(config, profile)
    days = start.profile.horizon_days if horizon is None else horizon
    tuning.positive(days, "--horizon-days")
    history = tuning.read(file)
    trial = _trial(history, start.profile, split, days, most)
    early = trial.histories.before(trial.begin)
    with progress("Fitting", early.day.size, unit="purchases") as advance:
        known = start.profile
        if not start.named:
            known = tuning.fitted(early, known, f"{file}, before the split")
        models = fit_bgnbd(early.summaries()), fit_mbgcnbd(early.summaries())
        advance(early.day.size)
    report = Report(console, out)
    _delays(trial, known, models, budget, report)
    _returns(trial, known, models, report)
    _notes(history, trial, start, report)
    write_figures("backtest", report.figures, Console(quiet=True))
    console.print(f"Plots are in {out}.")


def _trial(
    history: History, profile: Profile, split: str | None, horizon: float, most: int
) -> Trial:
    """What is judged, and by which days. Raises InputError when there is too little of it."""
    import numpy as np

    from detectors.lab.trial import Trial

    histories = history.purchases(profile)
    if histories.customers > most:
        histories = histories.every(-(-histories.customers // most))
    if split is None:
        begin = float(np.floor(_SPLIT * histories.end))
    else:
        begin = history.day(tuning.moment_within(split, "--split", history))
    latest = histories.end - horizon
    if begin >= latest:
        raise InputError(
            f"there are not {horizon:g} days between the split, "
            f"{history.date(begin)}, and the end, {history.date(histories.end)}",
            where=str(history.path),
            remedy=f"Give an earlier --split, or --horizon-days below {histories.end - begin:.0f}.",
        )
    whole = bool((histories.day == np.floor(histories.day)).all())
    cutoffs = np.unique(np.floor(np.linspace(begin, latest, _CUTOFFS))).tolist()
    name = history.path.name
    return Trial(
        "backtest", name, histories, begin, horizon, horizon, horizon, tuple(cutoffs), whole
    )


def _delays(
    trial: Trial,
    profile: Profile,
    models: tuple[PurchaseModel, ...],
    budget: float,
    report: Report,
) -> None:
    """Judge how soon who left is found. Raises InputError when nobody left, or nobody stayed."""
    from detectors.lab.delays import DETECTORS, delays, judged
    from streams.cli.progress import progress

    found = judged(trial)
    left = int(found.lost.sum())
    if not 0 < left < found.lost.size:
        raise InputError(
            f"of {found.lost.size:,} silences that are judged, {left:,} were for good; of both "
            "kinds some are needed, of customers with two gaps or more",
            where=trial.title,
            remedy="Give an earlier --split, a shorter --horizon-days, or a longer history.",
        )
    lines = []
    with progress("Judging delays", DETECTORS, unit="rules") as advance:
        for line in delays(trial, profile, models, budget):
            lines.append(line)
            advance(1)
    title = f"{trial.title}: delay at {budget:g} false alerts a living customer-year"
    report.delays(trial.key, title, lines)
    report.figures |= {"silences": found.lost.size, "left": left}
    report.note(f"{found.lost.size:,} silences, {left:,} of them for good.")


def _returns(
    trial: Trial, profile: Profile, models: tuple[PurchaseModel, ...], report: Report
) -> None:
    """Judge the chances, at the cut-offs where some came back and some did not."""
    from dataclasses import replace

    from detectors.lab.delays import DRAWS
    from detectors.lab.returns import answers, calibrated, questions, ranked
    from streams.cli.progress import progress

    asked = [one.day for one in questions(trial) if one.gone.any() and not one.gone.all()]
    if not asked:
        report.note("Nobody is ranked: at no cut-off do some come back and some not.")
        return
    trial = replace(trial, cutoffs=tuple(asked))
    given = []
    with progress("Judging chances", len(asked), unit="cut-offs") as advance:
        for answer in answers(trial, profile, models):
            given.append(answer)
            advance(1)
    title = f"{trial.title}: P(no purchase in {trial.horizon:g} days)"
    report.ranks(trial.key, title, ranked(trial, given, DRAWS))
    report.calibration(trial.key, trial.title, calibrated(given))


def _notes(history: History, trial: Trial, start: tuning.Start, report: Report) -> None:
    from detectors.lab.delays import DRAWS

    split = history.date(trial.begin)
    fitted = f"as {start.origin} says" if start.named else f"fitted to what lies before {split}"
    cutoffs = ", ".join(history.date(day) for day in trial.cutoffs)
    picked = trial.histories.customers
    report.note(
        f"{picked:,} of {history.customers:,} customers, by their purchases alone; offbeat's "
        f"population {fitted}. Judged from {split} on; cut-offs {cutoffs}. Intervals: {DRAWS} "
        "draws of customers."
    )
