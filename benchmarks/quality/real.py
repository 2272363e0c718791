"""A real set: delay at one false alert a living customer-year, and the order of who comes back."""

from benchmarks.quality.profiles import profile_for
from benchmarks.quality.report import Report
from detectors.lab.baselines import fit_bgnbd, fit_mbgcnbd
from detectors.lab.delays import COSTS, DRAWS, FACTORS, Detector, delays
from detectors.lab.returns import answers, calibrated, ranked
from detectors.lab.trial import Trial

__all__ = ["BUDGET", "COSTS", "DRAWS", "FACTORS", "Detector", "evaluate"]

BUDGET = 1.0  # false alerts a living customer-year


def evaluate(trial: Trial, report: Report) -> None:
    """Both, into the report."""
    early = trial.histories.before(trial.begin)
    profile, origin = profile_for(early, trial.soon)
    known = early.summaries()
    models = fit_bgnbd(known), fit_mbgcnbd(known)
    delayed = list(delays(trial, profile, models, BUDGET))
    report.delays(
        trial.key, f"{trial.title}: delay at {BUDGET:g} false alert a living year", delayed
    )
    given = list(answers(trial, profile, models))
    lines = ranked(trial, given, DRAWS)
    report.ranks(trial.key, f"{trial.title}: P(no purchase in {trial.horizon:g} days)", lines)
    report.calibration(trial.key, trial.title, calibrated(given))
    cutoffs = ", ".join(f"{day:g}" for day in trial.cutoffs)
    report.note(
        f"{trial.title}: {early.customers:,} customers; fitted to {early.day.size:,} purchases "
        f"before day {trial.begin:g} ({origin}); cut-offs {cutoffs}; "
        f"intervals: {DRAWS} draws of customers"
    )
