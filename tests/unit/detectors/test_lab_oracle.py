import numpy as np

from detectors.lab.evaluate import at_budget, draws, tally
from detectors.lab.histories import Histories, episodes
from detectors.lab.oracle import SILENCES, Oracle
from detectors.lab.scenario import DAY, Drift, Scenario
from detectors.lab.simulate import Simulation

SCENARIO = Scenario(
    customers=300, days=730, seed=2, drifting=0.4, drifts=(Drift.ABRUPT_STOP,), vacations=0.9
)


def test_the_oracle_knows_how_long_gaps_are_and_is_early_for_its_false_alerts() -> None:
    simulation = Simulation(SCENARIO)
    events = np.concatenate([chunk[chunk["input"] == 0] for chunk in simulation.events()])
    days = (events["time"] - SCENARIO.start) / DAY
    histories = Histories.of(events["customer"].astype(np.int64), days, SCENARIO.days)
    oracle = Oracle(SCENARIO, simulation.customers)
    found = episodes(histories, 200.0, 600.0)
    healthy = found.take(~np.isfinite(simulation.customers["left"][found.customer]))
    law = np.array(
        [
            np.interp(gap, SILENCES, oracle.survival[customer])
            for gap, customer in zip(healthy.gap, healthy.customer, strict=True)
        ]
    )
    # the chance of a longer gap, over all gaps, is uniform
    assert np.abs(np.quantile(law, (0.02, 0.25, 0.5, 0.75)) - (0.02, 0.25, 0.5, 0.75)).max() < 0.02
    levels, knob = np.geomspace(1.0, 1e-5, 60), np.geomspace(2.0, 200.0, 60)
    once = draws(np.unique(found.customer).size, 0)
    fixed = tally(found, knob, np.broadcast_to(knob, (found.start.size, 60)), 180.0)
    best = tally(found, levels, oracle.silences(levels)[found.customer], 180.0)
    assert (
        at_budget(best, 0.5, once).delay_gaps[0] < 0.9 * at_budget(fixed, 0.5, once).delay_gaps[0]
    )
