"""How fast, how large, how soon: offbeat beside its peers, and beside what it promises.

One run, one Apache Kafka. Peers and offbeat take turns over the same topics, so ratios hold on a
machine whose speed changes; what is measured once says so little alone.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.harness import console, create_topics, named
from benchmarks.speed import state
from benchmarks.speed.broker_recovery import recovered_from_broker
from benchmarks.speed.ceiling import ceiling
from benchmarks.speed.contestants import CONTESTANTS, named_contestants
from benchmarks.speed.latency import latency
from benchmarks.speed.race import Shop, Speed, figures, fill, race
from benchmarks.speed.scaling import scaling
from benchmarks.speed.start import start
from streams.backtest.plots import Plot, Series
from streams.figures import write_figures
from streams.kafka.broker import bootstrap

LARGE = Shop(200_000, 69.0)  # where an engine's store does not stay in its caches for nothing
SMALL = Shop(20_000, 270.0)  # as many events of fewer customers: the peers' best case
SCALED = Shop(20_000, 400.0)
QUICK = Shop(10_000, 120.0)
ROUNDS = 3
PLOT = Path("build/figures/race.svg")

Figures = dict[str, float]


class Part(Protocol):
    """Some of the figures."""

    def __call__(self, broker: str, *, quick: bool) -> Figures:
        """Measure them at that broker."""


class Promise(NamedTuple):
    """A figure, and what it has to be: at least or at most."""

    figure: str
    bound: float
    at_least: bool = True

    def kept(self, found: Figures) -> bool:
        """Whether it is so; what was not measured is not."""
        value = found.get(self.figure)
        if value is None:
            return False
        return value >= self.bound if self.at_least else value <= self.bound


PROMISES = (
    Promise("ratio_kafka_streams_cpu", 3.0),
    Promise("ratio_kafka_streams_wall", 2.0),
    Promise("ratio_quix", 8.0),
    Promise("ratio_stock_faust", 100.0),
    Promise("bytes_a_customer", 512.0, at_least=False),
    Promise("resident_gib_10m", 6.0, at_least=False),
    Promise("cost_10m_over_10k", 1.3, at_least=False),
    Promise("recovery_customers_per_second", 300_000.0),
    Promise("replay_events_per_second", 500_000.0),
    Promise("deadline_to_alert_p99_seconds", 1.0, at_least=False),
    Promise("start_seconds", 5.0, at_least=False),
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    arguments.add_argument("--quick", action="store_true", help="small sizes, no other languages")
    options = arguments.parse_args()
    found: Figures = {}
    begun = time.monotonic()
    with bootstrap(None) as broker:
        for name in options.only:
            console.rule(name)
            found |= PARTS[name](broker, quick=options.quick)
            write_figures("bench", found, Console(quiet=True))  # all the same if a later part fails
    found |= {"quick": float(options.quick), "minutes": (time.monotonic() - begun) / 60}
    write_figures("bench", found)
    missed = [] if options.quick else show_promises(found)
    sys.exit(bool(missed) and options.only == list(PARTS))


def show_promises(found: Figures) -> list[Promise]:
    """Those that are not kept, after a table of all that were measured."""
    table = Table("promise", "bound", "measured", "kept")
    for one in PROMISES:
        if one.figure in found:
            bound = f"{'>=' if one.at_least else '<='} {one.bound:,g}"
            kept = "yes" if one.kept(found) else "[red]no"
            table.add_row(one.figure.replace("_", " "), bound, f"{found[one.figure]:,.4g}", kept)
    console.print(table)
    return [one for one in PROMISES if not one.kept(found)]


def _race(broker: str, *, quick: bool) -> Figures:
    if quick:
        found = asyncio.run(race(broker, QUICK, named_contestants("offbeat", "stock_faust"), 1))
        return _flat(found)
    found = asyncio.run(race(broker, LARGE, CONTESTANTS, ROUNDS))
    _plot(found)
    small = asyncio.run(race(broker, SMALL, named_contestants("offbeat", "kafka_streams"), ROUNDS))
    return _flat(found) | {f"{name}_20k": value for name, value in _flat(small).items()}


def _flat(found: dict[str, list[Speed]]) -> Figures:
    """Figures, and the ratios by their short names: of events a second."""
    flat = figures(found)
    for key in ("quix", "stock_faust"):
        if f"ratio_{key}_wall" in flat:
            flat[f"ratio_{key}"] = flat[f"ratio_{key}_wall"]
    return flat


def _plot(found: dict[str, list[Speed]]) -> None:
    """CPU an event of everybody, round by round."""
    names = {contestant.key: contestant.name for contestant in CONTESTANTS}
    rounds = np.arange(1.0, ROUNDS + 1)
    lines = [
        Series(names[key], rounds, np.log10([speed.cpu_us for speed in speeds]))
        for key, speeds in found.items()
    ]
    plot = Plot("CPU an event, the same job", "round", "log10 of us an event")
    plot.write(PLOT, lines, (1.0, float(ROUNDS)))


def _ceiling(broker: str, *, quick: bool) -> Figures:
    inputs = named(broker, f"ceiling-{int(time.time()):x}", clock="event")

    async def prepare() -> None:
        await create_topics(inputs)
        await fill(inputs, QUICK if quick else SMALL)

    asyncio.run(prepare())
    return ceiling(inputs)


def _start(broker: str, *, quick: bool) -> Figures:
    return asyncio.run(start(broker, 2 if quick else 5))


def _scaling(broker: str, *, quick: bool) -> Figures:
    inputs = named(broker, f"scaling-{int(time.time()):x}", clock="event")

    async def measure() -> Figures:
        await create_topics(inputs)
        total = await fill(inputs, SCALED)  # with fewer, one has read them before two share them
        return await scaling(inputs, total, 1 if quick else ROUNDS)

    return asyncio.run(measure())


def _latency(broker: str, *, quick: bool) -> Figures:
    return asyncio.run(latency(broker, 50_000 if quick else 1_000_000))


def _state(broker: str, *, quick: bool) -> Figures:
    del broker  # in memory alone
    found = state.figures(quick=quick)
    state.show(found)
    return found


def _recovery(broker: str, *, quick: bool) -> Figures:
    del broker  # in a process of its own, with a broker of its own
    return recovered_from_broker(50_000 if quick else 1_000_000)


PARTS: dict[str, Part] = {
    "race": _race,
    "ceiling": _ceiling,
    "start": _start,
    "latency": _latency,
    "scaling": _scaling,
    "recovery": _recovery,
    "state": _state,
}


if __name__ == "__main__":
    main()
