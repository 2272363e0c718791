"""Seven kinds of decline in four streams, among customers on vacation (simulated).

How long after the onset the first alert comes, whatever speaks for it, at half a false alert a
living customer-year. The oracle sees the purchases alone and knows the law of each customer's gaps.
"""

from dataclasses import replace

import numpy as np
from rich.table import Table

from benchmarks.quality.profiles import profile_for
from benchmarks.quality.real import DRAWS
from benchmarks.quality.report import Report, spanned
from benchmarks.quality.stops import bought
from detectors.lab.decided import decided, observations
from detectors.lab.evaluate import draws
from detectors.lab.histories import Days, Histories, episodes
from detectors.lab.onsets import OnsetTally, Said, Truth, onsets_at_budget, score
from detectors.lab.oracle import Oracle
from detectors.lab.scenario import DAY, DRIFTS, Scenario
from detectors.lab.simulate import Simulation
from detectors.profile import Profile

#: Permanent, as `stops.ID` is. Two years, half of the customers decline, each in one of seven ways.
ID = "streams-1"
BUDGET = 0.5
SOON = 60.0  # days within which alerts expect a purchase
FOLLOW_DAYS = 120.0  # who is looked at has so long after the onset
COSTS = np.geomspace(0.5, 3000.0, 24)
LEVELS = np.geomspace(3e-3, 1e-6, 60)


def scenario(customers: int) -> Scenario:
    """`streams-1`, with so many customers."""
    return Scenario(customers=customers, days=730, seed=42, drifting=0.5, vacations=0.9)


def evaluate(report: Report, *, quick: bool) -> None:
    """offbeat and the oracle at the budget, into the report."""
    setting = scenario(1400 if quick else 4200)
    simulation = Simulation(setting)
    onset = (simulation.customers["onset"] - setting.start) / DAY
    truth = Truth(onset, 0.3 * setting.days, setting.days, FOLLOW_DAYS)
    histories = bought(Simulation(setting))
    profile, origin = profile_for(histories.before(truth.begin), SOON)
    tallies = {
        "offbeat, four streams": score(fused(simulation, profile), truth),
        "oracle, purchases only": score(foreseen(simulation, histories, truth), truth),
    }
    weights = draws(setting.customers, DRAWS)
    table = Table("detector", title=f"{ID}: at {BUDGET:g} false alerts a living year")
    table.title_justify = "left"
    for column in ("median days from onset", "found within 60 days"):
        table.add_column(column, justify="right")
    for (title, counted), key in zip(tallies.items(), ("", "oracle_"), strict=True):
        at = onsets_at_budget(counted, truth, BUDGET, weights)
        report.figure(f"streams_{key}median_days", at.median_days, 1)
        report.figure(f"streams_{key}found_60d_ratio", at.found_ratio)
        table.add_row(title, spanned(at.median_days, 1), spanned(at.found_ratio, 3))
    report.console.print(table)
    _by_kind(report, simulation, truth, tallies, weights)
    report.note(
        f"{ID}: {setting.customers:,} simulated customers, {int(truth.drifted.sum()):,} declines; "
        f"{origin}"
    )


def fused(simulation: Simulation, profile: Profile) -> list[Said]:
    """What the engine says with all streams, for each price of a false alert."""
    setting = simulation.scenario
    batches = [observations(events) for events in simulation.events()]
    said = []
    for cost in COSTS:
        priced = replace(profile, alert_cost_days=cost, visit_alert_cost_days=cost)
        records = decided(batches, setting.customers, priced, setting.end)
        said.append(Said.of(records, setting.start))
    return said


def foreseen(simulation: Simulation, histories: Histories, truth: Truth) -> list[Said]:
    """When the oracle would alert, for each of its levels."""
    found = episodes(histories, 0.0, truth.end)
    oracle = Oracle(simulation.scenario, simulation.customers)
    silences: Days = oracle.silences(LEVELS, in_days=True)[found.customer]
    said = []
    for silence in silences.T:
        day = found.start + silence
        alerts = (silence < found.gap) & (day <= truth.end)
        opened = np.ones(int(alerts.sum()), bool)
        said.append(Said(found.customer[alerts], day[alerts], opened))
    return said


def _by_kind(
    report: Report,
    simulation: Simulation,
    truth: Truth,
    tallies: dict[str, OnsetTally],
    weights: Days,
) -> None:
    table = Table("decline", *tallies, title=f"{ID}: median days from onset, share within 60 days")
    table.title_justify = "left"
    for code, drift in enumerate(DRIFTS):
        mine = simulation.customers["kind"] == code
        cells = []
        for key, counted in zip(("", "oracle_"), tallies.values(), strict=True):
            at = onsets_at_budget(counted, truth, BUDGET, weights[:1], among=mine)
            report.figure(f"streams_{key}{drift}_median_days", at.median_days, 1)
            cells.append(f"{at.median_days[0]:.0f} d, {at.found_ratio[0]:.0%}")
        table.add_row(drift, *cells)
    report.console.print(table)
