"""Compile the kernels before the first event.

Later it would happen in the loop that must answer the group. What is compiled is kept on disk
beside the modules: tens of seconds once, a moment from then on.
"""

from pathlib import Path

import numpy as np

from detectors.lab.fit import Likelihood
from detectors.lab.histories import Histories
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from detectors.observations import Input
from detectors.profile import Profile
from streams.kafka.batches import row_batches
from streams.kafka.columns import parse
from streams.partition import changelog
from streams.partition.digest import copy_rows
from streams.replay import Replay
from streams.settings import Settings
from streams.sources.lines import Lines, Naming, encode
from streams.sources.rows import Rows


def compile_kernels() -> None:
    """Live through some months of a few simulated customers, write their state and read it back."""
    events = np.concatenate(list(Simulation(Scenario(customers=50, days=300)).events()))
    sources = {lines.source: iter([_rows(lines)]) for lines in encode(events, Naming())}
    replay = Replay(Settings())
    for _ in replay.run(sources):
        pass
    Likelihood(Histories.of(np.zeros(2, np.int64), np.arange(2.0)))(Profile())
    state = replay.lives[0].state
    changelog.ChangelogWriter(state)
    rows = np.arange(state.size, dtype=np.int32)
    values, _ = copy_rows(changelog.row_bytes(state), rows, state.hashes)
    for batch in row_batches(rows, *state.ids_of(rows), changelog.PREFIX, values, 0):
        for fetched in parse(bytes(batch), 0, check_crc=False):
            changelog.restore(state, fetched)


def _rows(lines: Lines) -> Rows:
    numbers = np.arange(1, len(lines.values) + 1)
    return Rows(Path(), Input(lines.source), lines.values, lines.keys, lines.times, numbers)
