"""Customers who stop without a word, among customers on vacation (simulated).

How long the silence is when the alert comes, in the customer's own mean gaps, at half a false alert
a living customer-year. The oracle knows the law of each customer's gaps, vacations included.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.quality.profiles import profile_for
from benchmarks.quality.real import COSTS, DRAWS, FACTORS, Detector
from benchmarks.quality.report import Curve, Delayed, Report
from detectors.lab.engine_rows import rows_after, silences
from detectors.lab.evaluate import at_budget, draws, false_alarm_rates, tally
from detectors.lab.histories import Episodes, Histories, episodes
from detectors.lab.oracle import Oracle
from detectors.lab.scenario import DAY, Drift, Scenario
from detectors.lab.simulate import Simulation
from detectors.observations import Input
from detectors.profile import Profile

#: The id is permanent: whoever changes the scenario gives it another one. Two years, 2.7 vacations
#: of 10 to 35 days in them, for a usual gap of 12 days; half of the customers stop.
ID = "stops-1"
BUDGET = 0.5
SOON = 60.0  # days within which alerts expect a purchase
LONGEST = 180.0
LEVELS = np.geomspace(1.0, 1e-7, 200)  # of the oracle's price of a day


def scenario(customers: int) -> Scenario:
    """`stops-1`, with so many customers."""
    return Scenario(
        customers=customers, days=730, seed=41, drifting=0.5, drifts=(Drift.ABRUPT_STOP,),
        vacations=0.9,
    )  # fmt: skip


def evaluate(report: Report, *, quick: bool) -> None:
    """Every detector at the budget, into the report."""
    setting = scenario(600 if quick else 3000)
    simulation = Simulation(setting)
    histories = bought(simulation)
    begin = 0.3 * setting.days  # everybody has joined
    profile, origin = profile_for(histories.before(begin), SOON)
    found = episodes(histories, begin, histories.end)
    stopped = np.isfinite(simulation.customers["left"][found.customer])
    found = found.take(~found.lost | stopped)  # a gap that the end of the simulation cuts is open
    weights = draws(np.unique(found.customer).size, DRAWS)
    lines = []
    for detector in _detectors(histories, found, profile, Oracle(setting, simulation.customers)):
        counted = tally(found, detector.knob, detector.silences, LONGEST)
        rates = false_alarm_rates(counted, weights[:1])[0]
        curve = Curve(rates, counted.delay_days.sum(0) / counted.lost.sum())
        result = at_budget(counted, BUDGET, weights)
        lines.append(Delayed(detector.key, detector.title, result, curve))
    report.delays("stops", f"{ID}: abrupt stops at {BUDGET:g} false alerts a living year", lines)
    report.figures["stops_oracle_gaps"] = report.figures["stops_oracle_delay_gaps"]
    report.note(
        f"{ID}: {setting.customers:,} simulated customers, {int(found.lost.sum()):,} stops; "
        f"{origin}; an oracle knows each customer's law of gaps and absences"
    )


def bought(simulation: Simulation) -> Histories:
    """The purchases of a simulation, in days since its start."""
    scenario = simulation.scenario
    events = np.concatenate([e[e["input"] == Input.PURCHASES] for e in simulation.events()])
    events = events[np.argsort(events["customer"], kind="stable")]
    days = (events["time"] - scenario.start) / DAY
    customers = events["customer"].astype(np.int64)
    return Histories(
        customers, days, scenario.customers, scenario.days, scenario.start, events["amount"]
    )


def _detectors(
    histories: Histories, found: Episodes, profile: Profile, oracle: Oracle
) -> Iterator[Detector]:
    rows = rows_after(histories, found.purchase, profile)
    yield Detector("", "offbeat", COSTS, silences(rows, profile, COSTS))
    for key, title, in_days in (
        ("oracle", "oracle, for own gaps", False),
        ("oracle_days", "oracle, for days", True),
    ):
        best = oracle.silences(LEVELS, in_days=in_days)[found.customer]
        yield Detector(key, title, LEVELS, best)
    for key, gaps in (("own_mean", found.mean), ("own_median", found.median)):
        title = f"k × own {key.removeprefix('own_')}"
        yield Detector(key, title, FACTORS, gaps[:, None] * FACTORS)
    days = np.geomspace(2.0, 250.0, 160)
    fixed = np.broadcast_to(days, (found.start.size, days.size))
    yield Detector("fixed", "fixed days, tuned", days, fixed)
