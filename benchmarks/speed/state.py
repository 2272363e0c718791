"""What an event costs with a thousand customers, and with ten million; CPU time.

An event is looked up (`locate`), applied (the compiled kernels) and written (`ChangelogWriter`);
what falls due is taken in between and shown by itself. The numbers of customers take turns, so that
all meet the same machine, and the first batch of a turn is not counted: it warms the caches. The
more customers, the slower time runs, so that each lives on as in life and every number of customers
means the same work. Ten million are four partitions, as in one worker; all others are one.

`python -m benchmarks.speed.state [--quick]` prints the figures; `figures()` is for `make bench`.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.speed.broker_recovery import recovered_from_broker
from benchmarks.speed.measuring import in_child
from benchmarks.speed.recovery import PARTITIONS, grown, recovered
from benchmarks.speed.replay import replayed
from benchmarks.speed.shop import Coming, Crowd, Shop
from detectors.engine import advance, apply
from streams.backtest.plots import Plot, Series
from streams.cli.progress import progress
from streams.figures import write_figures
from streams.partition.changelog import ChangelogWriter
from streams.settings import Settings, detector_profile

FOLDER = Path("build/speed")
SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
WHOLE, QUICK = tuple(SIZES), ("1k", "10k", "100k", "1m")
BATCH = 4_000  # events in a batch and a checkpoint, unless that is what is measured
TURN = 4  # batches in a row, of which the first is not counted
ROUNDS = 12
BATCHES = (100, 400, 1_600, 6_400, 25_000, 50_000)
SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)  # of distinct customers in a batch
INTERVALS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)  # seconds between checkpoints …
EVENTS_A_SECOND = 100_000  # … at so many events a second
FETCH = 5_000  # events of a fetch of 1 MiB, where several are applied before a checkpoint
FEW = 60.0  # seconds of event time in which few fall due
SCANS = 15
MOST_OF_ONE = 2_500_000  # customers in one partition


class Cost(NamedTuple):
    """Nanoseconds an event; and the changelog's bytes an event."""

    locate: float
    apply: float
    advance: float
    checkpoint: float
    bytes: float

    @property
    def event(self) -> float:
        """Everything but what fell due."""
        return self.locate + self.apply + self.checkpoint


@dataclass(frozen=True, slots=True)
class Curve:
    """A plot of `build/speed`: name, axes and lines."""

    name: str
    plot: Plot
    lines: Sequence[Series]


class Partition:
    """One partition of a crowd, living on batch by batch.

    batch: events in each; checkpoint: batches before what has changed is written; distinct: share
    of the events in a batch whose customer has no other in it, None = as it comes.
    """

    def __init__(
        self, crowd: Crowd, batch: int = BATCH, checkpoint: int = 1, distinct: float | None = None
    ) -> None:
        self._crowd, self._batch = crowd, batch
        self._checkpoint, self._distinct = checkpoint, distinct
        self._begin()

    def _begin(self) -> None:
        self.state = self._crowd.state()
        self.end = self._crowd.shop.now
        self._writer = ChangelogWriter(self.state)
        self._coming = self._crowd.coming(self._batch, distinct=self._distinct)

    def _next(self) -> Coming:
        coming = next(self._coming, None)
        if coming is None:  # a small crowd has come to the end of what was simulated: begin anew
            self._begin()
            coming = next(self._coming)
        return coming

    def live(self) -> Cost:
        """Take batches and write a checkpoint."""
        spent = np.zeros(4)
        events = 0
        for _ in range(self._checkpoint):
            coming = self._next()
            events += len(coming.batch.observations)
            times = [time.process_time_ns()]
            rows = self.state.locate(*coming.keys)
            times.append(time.process_time_ns())
            coming.batch.observations["row"] = rows
            times.append(time.process_time_ns())
            apply(self.state, coming.batch)
            times.append(time.process_time_ns())
            advance(self.state, coming.end)
            times.append(time.process_time_ns())
            spent[:3] += np.diff(times)[[0, 2, 3]]
            self.end = coming.end
        began = time.process_time_ns()
        written = self._writer.batches(0)
        spent[3] = time.process_time_ns() - began
        size = sum(batch.size() for batch in written)
        return Cost(*(np.append(spent, size) / events).tolist())


Key = TypeVar("Key", str, int, float)


def in_turns(
    contestants: Mapping[Key, Sequence[Partition]], rounds: int, turn: int = TURN
) -> dict[Key, Cost]:
    """The median cost of each; several partitions of one take turns, too."""
    found: dict[Key, list[Cost]] = {key: [] for key in contestants}
    with progress("Living on", rounds, "rounds") as advanced:
        for number in range(rounds):
            for key, partitions in contestants.items():
                partition = partitions[number % len(partitions)]
                found[key] += [partition.live() for _ in range(turn)][1:]
            advanced(1)
    return {key: Cost(*np.median(costs, axis=0).tolist()) for key, costs in found.items()}


def by_customers(names: Sequence[str], rounds: int) -> tuple[dict[str, float], list[Curve]]:
    """Cost of an event, and of a look for who fell due, for each number of customers."""
    shop = Shop(detector_profile(Settings()))
    contestants = {name: _partitions(shop, SIZES[name]) for name in names}
    costs = in_turns(contestants, rounds)
    figures: dict[str, float] = {}
    for name, cost in costs.items():
        figures[f"cost_ns_{name}"] = cost.event
        for part in ("locate", "apply", "checkpoint"):
            figures[f"{part}_ns_{name}"] = getattr(cost, part)
        figures[f"fell_due_ns_{name}"] = cost.advance
    for name, partitions in contestants.items():
        figures |= {f"{key}_{name}": value for key, value in silence_scan(partitions).items()}
    largest = names[-1]
    figures[f"cost_{largest}_over_10k"] = costs[largest].event / costs["10k"].event
    sizes = np.array([SIZES[name] for name in names], np.float64)
    lines = [
        Series(part, sizes, np.array([getattr(cost, part) for cost in costs.values()]))
        for part in ("event", "locate", "apply", "checkpoint")
    ]
    plot = Plot("What an event costs", "customers of one worker", "ns an event", log_x=True)
    return figures, [Curve("customers", plot, lines)]


def _partitions(shop: Shop, customers: int) -> list[Partition]:
    count = PARTITIONS if customers > MOST_OF_ONE else 1
    mine = customers // count
    return [Partition(Crowd(shop, mine, first=n * mine)) for n in range(count)]


def silence_scan(partitions: Sequence[Partition]) -> dict[str, float]:
    """Milliseconds to find that nobody fell due, over all partitions, and that few did; how many.

    The same as a worker's tick does, twice a second.
    """
    nobody, few, due = [], [], 0
    for number in range(1, SCANS + 1):
        watermarks = [one.end + number * FEW for one in partitions]
        before = [int(one.state.population["decisions"].sum()) for one in partitions]
        few.append(_scan(partitions, watermarks))
        nobody.append(_scan(partitions, watermarks))
        after = [int(one.state.population["decisions"].sum()) for one in partitions]
        due += sum(after) - sum(before)
    return {
        "silence_scan_ms": median(nobody),
        "silence_scan_few_ms": median(few),
        "silence_scan_few_alerts": due / SCANS,
    }


def _scan(partitions: Sequence[Partition], watermarks: Sequence[float]) -> float:
    began = time.process_time_ns()
    for one, watermark in zip(partitions, watermarks, strict=True):
        advance(one.state, watermark)
    return (time.process_time_ns() - began) / 1e6


def by_traffic(customers: int, rounds: int) -> tuple[dict[str, float], list[Curve]]:
    """Cost of an event by size of a batch, share of distinct customers, and checkpoint interval."""
    shop = Shop(detector_profile(Settings()))
    crowd = Crowd(shop, customers)
    sizes = in_turns({size: [Partition(crowd, size)] for size in BATCHES}, rounds)
    shares = in_turns(
        {share: [Partition(crowd, distinct=share)] for share in SHARES},
        rounds,
    )
    every = {
        interval: [Partition(crowd, FETCH, round(interval * EVENTS_A_SECOND / FETCH))]
        for interval in INTERVALS
    }
    intervals = in_turns(every, max(2, rounds // 4), turn=2)
    figures = {f"batch_{size}_ns": cost.event for size, cost in sizes.items()}
    figures |= {f"distinct_{share:g}_ns": cost.event for share, cost in shares.items()}
    for interval, cost in intervals.items():
        figures[f"commit_{interval:g}_s_ns"] = cost.event
        figures[f"commit_{interval:g}_s_bytes_an_event"] = cost.bytes
    curves = [
        _curve("batch", "events in a batch and a checkpoint", sizes),
        _curve("distinct", "share of distinct customers in a batch", shares),
        _curve("commit", "seconds between checkpoints", intervals),
    ]
    x = np.array(list(intervals), np.float64)
    written = Series("changelog", x, np.array([cost.bytes for cost in intervals.values()]))
    plot = Plot(
        "What a checkpoint interval saves", "seconds between checkpoints", "bytes an event", True
    )
    return figures, [*curves, Curve("written", plot, [written])]


def _curve(name: str, x_label: str, costs: Mapping[int, Cost] | Mapping[float, Cost]) -> Curve:
    x = np.array(list(costs), np.float64)
    lines = [
        Series(part, x, np.array([getattr(cost, part) for cost in costs.values()]))
        for part in ("event", "apply", "checkpoint")
    ]
    return Curve(name, Plot("What an event costs", x_label, "ns an event", log_x=True), lines)


def figures(*, quick: bool) -> dict[str, float]:
    """All of them, each part in a process of its own; plots go to `build/speed`.

    quick: up to a million customers, in about a minute.
    """
    names, rounds = (QUICK, 4) if quick else (WHOLE, ROUNDS)
    largest = names[-1]
    found, curves = in_child(by_customers, names, rounds)
    more, others = in_child(by_traffic, 50_000 if quick else 200_000, rounds)
    found |= more
    memory = in_child(recovered, SIZES[largest])
    growth = in_child(grown, SIZES[largest])
    found["recovery_customers_per_second"] = memory["recovery_customers_per_second"]
    found["recovery_finish_seconds"] = memory["recovery_finish_seconds"]
    for name in ("bytes_a_customer", "bytes_a_customer_kept_ready", "resident_bytes_a_customer"):
        found[name] = memory[name]
    found[f"resident_gib_{largest}"] = max(memory["resident_gib"], growth["growth_resident_gib"])
    found[f"peak_gib_{largest}"] = max(memory["peak_gib"], growth["growth_peak_gib"])
    found["growth_customers_per_second"] = growth["growth_customers_per_second"]
    found |= in_child(replayed, 5_000 if quick else 20_000)
    if not quick:
        found |= in_child(recovered_from_broker, SIZES["1m"])
    for curve in [*curves, *others]:
        x = np.concatenate([line.x for line in curve.lines])
        curve.plot.write(FOLDER / f"{curve.name}.svg", curve.lines, (x.min(), x.max()))
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="up to a million customers")
    options = arguments.parse_args()
    found = figures(quick=options.quick)
    show(found)
    write_figures("state", found)


def show(found: Mapping[str, float]) -> None:
    """What an event costs, by number of customers."""
    parts = ("cost", "locate", "apply", "checkpoint", "fell_due")
    table = Table("customers", *(f"{part} ns" for part in parts), "nobody due, ms", "few due, ms")
    for name in SIZES:
        if f"cost_ns_{name}" in found:
            values = [f"{found[f'{part}_ns_{name}']:,.0f}" for part in parts]
            scans = [
                f"{found[f'{key}_{name}']:.3f}"
                for key in ("silence_scan_ms", "silence_scan_few_ms")
            ]
            table.add_row(name, *values, *scans)
    Console().print(table)


if __name__ == "__main__":
    main()
