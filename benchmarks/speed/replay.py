"""How many events a second one process decides over in memory, as a replay does.

The engine over observations that are already columns: no reading of files or JSON. A simulated year
is applied in batches of a fetch's size and the watermark follows, so that deadlines fall due, model
examples are made, and decisions are handed out as in `offbeat replay`.
"""

import time
from statistics import median

import numpy as np

from detectors.engine import advance, apply
from detectors.index import hash_slices
from detectors.lab.decided import empty_state, observations
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from detectors.observations import Batch
from streams.cli.progress import progress
from streams.settings import Settings, detector_profile

BATCH = 6_000  # events: a fetch of 1 MiB
ROUNDS = 5


def replayed(customers: int = 20_000, days: float = 365.0) -> dict[str, float]:
    """Events a second, the median of some replays from an empty state."""
    profile = detector_profile(Settings())
    scenario = Scenario(customers=customers, days=days, seed=2)
    everything = observations(np.concatenate(list(Simulation(scenario).events()))).observations
    names = [b"e-%010d" % number for number in range(len(everything))]
    ends = np.cumsum([0, *map(len, names)])
    ids = np.frombuffer(b"".join(names), np.uint8)
    everything["id_start"], everything["id_end"] = ends[:-1], ends[1:]
    everything["id_hash"] = hash_slices(ids, ends[:-1], ends[1:])
    speeds, decided = [], 0
    with progress("Replaying", ROUNDS * len(everything)) as advanced:
        for _ in range(ROUNDS):
            state, decided = empty_state(customers, profile), 0
            began = time.perf_counter()
            for at in range(0, len(everything), BATCH):
                some = everything[at : at + BATCH]
                decided += len(apply(state, Batch(some, ids)).records)
                decided += len(advance(state, float(some["effective_time"][-1])).records)
            speeds.append(len(everything) / (time.perf_counter() - began))
            advanced(len(everything))
    return {
        "replay_events": len(everything),
        "replay_decisions": decided,
        "replay_events_per_second": median(speeds),
    }
