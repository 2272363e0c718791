"""The events of every run: a seeded year of customers, with what goes wrong on the way to a topic.

Some events come twice, some late, some cannot be read. The same seed gives the same logs, record by
record, so every run starts from the same topics.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Lines, Naming, encode

DAYS = 365.0
TWICE = LATE = 0.02  # shares of the events
BROKEN = 0.01
LATE_PLACES = 300  # in its topic, at most: some weeks of a small shop
# Small record batches make many small fetches and transactions: a long way to be struck on.
SENT_TOGETHER = 30
_NO_JSON = b'{"event_id":"x-1","customer_id":'
_NO_TIME = b'{"event_id":"x-2","customer_id":"%b","amount":1.0,"currency":"EUR"}'
_NO_SUCH_TIME = b'{"event_id":"x-3","customer_id":"%b","event_time":"yesterday"}'
_OTHER_KEY = b'{"event_id":"x-4","customer_id":"somebody else","event_time":1735689600000}'


class Stream(NamedTuple):
    """The logs of the four inputs, and what was put into them."""

    lines: list[Lines]
    events: int
    twice: int
    late: int
    broken: int


def make(customers: int, seed: int) -> Stream:
    """Of so many customers, half of whom change."""
    scenario = Scenario(customers=customers, days=DAYS, seed=seed, drifting=0.5)
    events = np.concatenate(list(Simulation(scenario).events()))
    rng = np.random.default_rng(seed)
    lines = [_disturbed(log, rng) for log in encode(events, Naming())]
    counts = [int(n) for n in np.sum([counts for _, counts in lines], axis=0)]
    logs = [log for log, _ in lines]
    return Stream(logs, sum(len(log.values) for log in logs), *counts)


def _disturbed(log: Lines, rng: np.random.Generator) -> tuple[Lines, tuple[int, int, int]]:
    n = len(log.values)
    places = np.arange(n, dtype=np.float64)
    late = rng.random(n) < LATE
    places[late] += rng.integers(1, LATE_PLACES, int(late.sum())) + 0.5
    twice = np.flatnonzero(rng.random(n) < TWICE)
    broken = np.flatnonzero(rng.random(n) < BROKEN)
    order = np.concatenate(
        [places, places[twice] + rng.integers(0, LATE_PLACES, twice.size) + 0.25, broken + 0.75]
    )
    keys = [*log.keys, *(log.keys[i] for i in twice), *(log.keys[i] for i in broken)]
    values = [
        *log.values,
        *(log.values[i] for i in twice),
        *(_broken(log.keys[i], int(i)) for i in broken),
    ]
    times = np.concatenate([log.times, log.times[twice], log.times[broken]])
    index = np.argsort(order, kind="stable")
    mixed = Lines(log.source, times[index], [keys[i] for i in index], [values[i] for i in index])
    return mixed, (twice.size, int(late.sum()), broken.size)


def _broken(key: bytes, number: int) -> bytes:
    kind = (_NO_JSON, _NO_TIME, _NO_SUCH_TIME, _OTHER_KEY)[number % 4]
    return kind % key if b"%b" in kind else kind


async def send(settings: Settings, stream: Stream) -> None:
    """Into the topics of a run, which are empty."""
    async with Sender(settings) as sender:
        for log in stream.lines:
            for part in _parts(log):
                await sender.send([part])


def _parts(log: Lines) -> Iterator[Lines]:
    for start in range(0, len(log.values), SENT_TOGETHER):
        span = slice(start, start + SENT_TOGETHER)
        times: NDArray[np.float64] = log.times[span]
        yield Lines(log.source, times, log.keys[span], log.values[span])
