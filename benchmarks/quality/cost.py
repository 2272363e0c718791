"""What a customer takes in memory, and an event in the compiled kernel, all detectors on."""

import time

import numpy as np

from benchmarks.quality.report import Report
from detectors.customer import CUSTOMER
from detectors.engine import apply
from detectors.lab.decided import empty_state, observations
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from detectors.profile import Profile

RUNS = 5


def evaluate(report: Report, *, quick: bool) -> None:
    """Bytes, and nanoseconds of CPU time an event: the best of a few runs."""
    customers = 2_000 if quick else 20_000
    scenario = Scenario(customers=customers, days=200, seed=43, drifting=0.2)
    batches = [observations(events) for events in Simulation(scenario).events()]
    total = sum(len(batch.observations) for batch in batches)
    taken = []
    for _ in range(RUNS):
        state = empty_state(customers, Profile())
        began = time.process_time()
        for batch in batches:
            apply(state, batch)
        taken.append((time.process_time() - began) / total * 1e9)
    report.figures["bytes_a_customer"] = CUSTOMER.itemsize
    report.figures["kernel_ns"] = round(min(taken))
    report.note(
        f"A customer's row has {CUSTOMER.itemsize} bytes. An event of four streams takes "
        f"{min(taken):.0f} ns of the engine (best of {RUNS}; median {np.median(taken):.0f}), "
        f"{total:,} events of {customers:,} customers."
    )
