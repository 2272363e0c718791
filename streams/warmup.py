"""Compile the kernels before the first event.

Later it would happen in the loop that must answer the group. What is compiled is kept on disk
beside the modules: tens of seconds once, a moment from then on.
"""

from pathlib import Path

import numpy as np

from detectors import census
from detectors.compiled import by_name
from detectors.judgement.as_of import as_of
from detectors.judgement.leading import leading_causes
from detectors.judgement.rhythm import rhythm_of
from detectors.judgement.roll import ROLL, list_open
from detectors.lab.fit import Likelihood
from detectors.lab.histories import Histories
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from detectors.learning.names import FEATURES
from detectors.learning.scorer import Scorer
from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.topics import OutputTopics
from streams.kafka.batches import FinishedBatch
from streams.kafka.columns import Fetched, parse
from streams.kafka.producer import Outgoing
from streams.partition import changelog
from streams.partition.ingest import Home
from streams.partition.life import PartitionLife
from streams.partition.publish import Publisher
from streams.replay import as_columns
from streams.settings import Settings, detector_profile
from streams.sources.lines import Lines, Naming, encode
from streams.sources.rows import Rows
from streams.training.trainer import Committed, Trainer, Training


def load_kernels() -> None:
    """Live through some months of a few simulated customers, as a worker does.

    From their events to alerts, labels and rows of the changelog, and back from these to a state
    that somebody is erased from. So each kernel is called with the types that it has in a worker
    (`tests/integration/test_start.py`).
    """
    settings = Settings()
    life = PartitionLife(
        0,
        detector_profile(settings),
        settings.topics.inputs,
        dict.fromkeys(Input, (0, False)),
        home=Home(settings.group, 0, partitions=1),
    )
    life.finish_recovery()
    events = np.concatenate(list(Simulation(Scenario(customers=50, days=300)).events()))
    for lines in encode(events, Naming()):
        data, columns = as_columns(_rows(lines), 0)
        life.take(Input(lines.source), Fetched(data, columns, 0, len(columns)), None)
    life.tick(list(Input), None)
    snapshot = life.snapshot(0)
    if snapshot is None:
        raise AssertionError("events were applied")
    for decisions in snapshot.decisions:
        leading_causes(decisions.records)
    counted = np.zeros(1, census.CENSUS)
    census.count(life.state, 0, life.state.size, life.timeline.watermark, counted)
    topics = OutputTopics(settings.topics.prefix)
    for out in Publisher(settings, lambda _: Scorer()).outgoing(life, snapshot):
        if out.topic == topics.examples:
            _learn(out)
    _look(life.state)
    _restore(life.state.size, snapshot.rows)


def compile_kernels() -> None:
    """The same, and what only refits call: they have a thread of their own and need not hurry."""
    load_kernels()
    Likelihood(Histories.of(np.zeros(2, np.int64), np.arange(2.0)))(Profile())


def _look(state: CustomerState) -> None:
    """As the console does."""
    found = by_name(np.empty(state.size, ROLL))
    list_open(by_name(state.rows), 0, state.size, state.profile.record, found)
    as_of(state.rows[0], 0.0, state.profile)
    rhythm_of(state.rows[0], 0.0, state.profile)


def _learn(out: Outgoing) -> None:
    values = [message.value for message in out.messages if message.value is not None]
    trainer = Trainer(Training(FEATURES, 1, 1), Committed(None, None, 0))
    if trainer.take(values, 0, len(values)).skipped:
        raise AssertionError("a worker's own examples can be learnt")


def _restore(size: int, batches: list[FinishedBatch]) -> None:
    state = CustomerState(Profile())
    for batch in batches:
        for fetched in parse(bytes(batch), 0, check_crc=False):
            changelog.restore(state, fetched)
    if state.size != size:
        raise AssertionError("the rows are those of all customers")
    state.drop(np.array([state.find(state.customer_id(0))]))


def _rows(lines: Lines) -> Rows:
    numbers = np.arange(1, len(lines.values) + 1)
    return Rows(Path(), Input(lines.source), lines.values, lines.keys, lines.times, numbers)
