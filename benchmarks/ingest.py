"""What reading costs: fetched JSON purchases to observations, and within it the keys' places."""

import time

import numpy as np

from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from streams.figures import write_figures
from streams.kafka.columns import COLUMNS, Fetched
from streams.partition.ingest import Home, ingest

EVENTS = 50_000
CUSTOMERS = 20_000
BATCH = 6_000  # records in a fetch of 1 MiB
RUNS = 25


def fetches() -> list[Fetched]:
    """Purchases as producers write them, some 170 bytes each."""
    keys = [b"c-%d" % (i * 7919 % CUSTOMERS) for i in range(EVENTS)]
    values = [
        b'{"event_id":"e-%d","customer_id":"%s","event_time":"2026-03-%02dT06:%02d:00.123Z",'
        b'"amount":%d.5,"currency":"EUR","kind":"order","order_id":"o-%d","channel":"web"}'
        % (i, key, 1 + i % 28, i % 60, i % 300, i)
        for i, key in enumerate(keys)
    ]
    return [_fetch(keys[i : i + BATCH], values[i : i + BATCH], i) for i in range(0, EVENTS, BATCH)]


def _fetch(keys: list[bytes], values: list[bytes], first: int) -> Fetched:
    ends = np.cumsum([len(part) for pair in zip(keys, values, strict=True) for part in pair])
    columns = np.zeros((len(keys), COLUMNS), np.int64)
    columns[:, 0] = np.arange(first, first + len(keys))
    columns[:, 2:6] = np.stack(
        [np.append(0, ends[1:-1:2]), ends[::2], ends[::2], ends[1::2]], axis=1
    )
    columns[:, 6:] = ends[1::2, None]
    data = b"".join(part for pair in zip(keys, values, strict=True) for part in pair)
    return Fetched(data, columns, first, first + len(keys))


def main() -> None:
    """The cost on an idle machine, and as it was; and what looking at the keys' places adds.

    Read with and without it in turn, fetch by fetch, so that both see the same machine.
    """
    given = fetches()
    state = CustomerState(Profile())
    homes = (None, Home("g", 0, 1))  # of one partition every key belongs to it, and is still hashed
    costs = np.empty((len(homes), RUNS, len(given)))
    for run in range(RUNS):
        for i, fetch in enumerate(given):
            for h, home in enumerate(homes):
                start = time.perf_counter()
                read = ingest(Input.PURCHASES, fetch, state, latest_allowed=None, home=home)
                costs[h, run, i] = time.perf_counter() - start
                if len(read.offsets) != len(fetch.columns):
                    raise SystemExit(f"refused: {read.dead_letters[0].message}")
    quiet, usual = (1e6 * f(costs, axis=1).sum(axis=1) / EVENTS for f in (np.min, np.median))
    figures = {
        "ingest_us_an_event": quiet[1],
        "ingest_usual_us_an_event": usual[1],
        "places_us_an_event": quiet[1] - quiet[0],
        "places_share": 1 - quiet[0] / quiet[1],
    }
    write_figures("ingest", {name: float(figure) for name, figure in figures.items()})


if __name__ == "__main__":
    main()
